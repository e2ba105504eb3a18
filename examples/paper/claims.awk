# From the lines of claims.sh to sentences. Spreads are standard deviations over seeds; differences are taken seed by seed.

function mean(values, count,    i, sum) {
    for (i = 1; i <= count; i++) sum += values[i]
    return count ? sum / count : 0
}

function deviation(values, count,    i, middle, sum) {
    middle = mean(values, count)
    for (i = 1; i <= count; i++) sum += (values[i] - middle) ^ 2
    return count > 1 ? sqrt(sum / (count - 1)) : 0
}

# The ranks of values, ties sharing theirs.
function rank(values, count, ranks,    i, j, below, same) {
    for (i = 1; i <= count; i++) {
        below = same = 0
        for (j = 1; j <= count; j++) {
            below += values[j] < values[i]
            same += values[j] == values[i]
        }
        ranks[i] = below + (same + 1) / 2
    }
}

# Spearman's rank correlation.
function spearman(a, b, count,    ra, rb, i, ma, mb, ab, aa, bb) {
    rank(a, count, ra)
    rank(b, count, rb)
    ma = mean(ra, count)
    mb = mean(rb, count)
    for (i = 1; i <= count; i++) {
        ab += (ra[i] - ma) * (rb[i] - mb)
        aa += (ra[i] - ma) ^ 2
        bb += (rb[i] - mb) ^ 2
    }
    return aa * bb > 0 ? ab / sqrt(aa * bb) : 0
}

# Fills `column` with one figure of each seed; how many there are.
function column_of(table, name, column,    i, count) {
    for (i = 1; i <= seed_count; i++)
        if ((name, seeds[i]) in table) column[++count] = table[name, seeds[i]]
    return count + 0
}

function spread(table, name,    column, count) {
    count = column_of(table, name, column)
    return sprintf("%.1f +- %.1f", mean(column, count), deviation(column, count))
}

function spread_of_loss(name,    column, count) {
    count = column_of(loss, name, column)
    return sprintf("%.4f +- %.4f", mean(column, count), deviation(column, count))
}

# a less b, seed by seed, in words; `sign` gets the mean, and `agreed` is cleared unless every seed has it above.
function difference(table_a, a, table_b, b,    i, column, count, above) {
    for (i = 1; i <= seed_count; i++) {
        column[++count] = table_a[a, seeds[i]] - table_b[b, seeds[i]]
        above += column[count] > 0
    }
    sign = mean(column, count)
    if (above < count) agreed = 0
    return sprintf("%+.1f +- %.1f points, above in %d of %d seeds", sign, deviation(column, count), above, count)
}

# What is true of the means, and whether of each seed; the next claim begins with all agreeing.
function verdict(holds,    text) {
    text = !holds ? "does not hold here" : agreed ? "holds" : "holds on the mean, not for every seed"
    agreed = 1
    return text
}

BEGIN { agreed = 1 }

{ if (!($3 in seen)) { seen[$3]; seeds[++seed_count] = $3 } }

$1 == "checkpoint" {
    loss[$2, $3] = $5      # the last one stays
    probe[$2, $3] = $7
    if ($2 ~ /^ar-/) { points++; all_loss[points] = -$5; all_probe[points] = $7 }
}
$1 == "layer" {
    curve[$2, $4, $3] = $5
    if ($2 == "ar-large" && $4 > top) top = $4
}
$1 == "tuned" { tuned[$2, $3] = $4 }

function print_curve(name,    layer, i, column, value) {
    printf "   %-10s", name
    for (layer = 0; layer <= top; layer++) {
        for (i = 1; i <= seed_count; i++) column[i] = curve[name, layer, seeds[i]]
        printf " %5.1f", mean(column, seed_count)
    }
    printf "\n"
}

# The layer whose accuracy is highest on the average of the seeds, and the first and the last beside it.
function depth(    layer, i, column, value, best, value_of_best) {
    for (layer = 0; layer <= top; layer++) {
        for (i = 1; i <= seed_count; i++) column[i] = curve["ar-large", layer, seeds[i]]
        value = mean(column, seed_count)
        if (value > value_of_best) { value_of_best = value; best = layer }
    }
    for (i = 1; i <= seed_count; i++) {
        peak["best", seeds[i]] = curve["ar-large", best, seeds[i]]
        peak["first", seeds[i]] = curve["ar-large", 0, seeds[i]]
        peak["last", seeds[i]] = curve["ar-large", top, seeds[i]]
    }
    return best
}

END {
    printf "\n%d seeds; accuracy on CIFAR-10's test images in %%, of probes and classifiers with a tenth of the labels\n\n", seed_count
    best = depth()
    rise = difference(peak, "best", peak, "first"); up = sign
    fall = difference(peak, "best", peak, "last"); down = sign
    printf "1. A probe's accuracy rises with depth and falls towards the end: %s.\n", verdict(best > 0 && best < top && up > 0 && down > 0)
    printf "   layer     "; for (layer = 0; layer <= top; layer++) printf " %5d", layer; printf "\n"
    print_curve("ar-large"); print_curve("bert-large")
    printf "   layer %d less the first: %s; less the last: %s.\n   The pixels themselves: %s\n\n", best, rise, fall, spread_pixels()
    rho = spearman(all_loss, all_probe, points)
    printf "2. Lower validation loss goes with a better probe: %s.\n   Spearman's rank correlation of -loss and accuracy over %d checkpoints of three sizes: %.3f\n\n", verdict(rho > 0.5), points, rho
    bigger = difference(probe, "ar-large", probe, "ar-medium"); one = sign
    big = difference(probe, "ar-medium", probe, "ar-small"); two = sign
    printf "3. The larger model is better: %s.\n", verdict(one > 0 && two > 0)
    printf "   small   %s nats, %s %%\n   medium  %s nats, %s %%\n   large   %s nats, %s %%\n", spread_of_loss("ar-small"), spread(probe, "ar-small"), spread_of_loss("ar-medium"), spread(probe, "ar-medium"), spread_of_loss("ar-large"), spread(probe, "ar-large")
    printf "   medium less small: %s; large less medium: %s\n\n", big, bigger
    probes = difference(probe, "ar-large", probe, "bert-large"); apart = sign
    beats = verdict(apart > 0)
    tunes = difference(tuned, "tuned-ar", tuned, "tuned-bert"); together = sign
    agreed = 1 # finetuned, neither has to be above
    printf "4. AR beats BERT on probes: %s. BERT closes the gap when finetuned, to less than half: %s.\n", beats, verdict(apart > 0 && together < apart / 2)
    printf "   AR %s, BERT %s; AR less BERT: %s\n   finetuned: AR %s, BERT %s; AR less BERT: %s\n\n", spread(probe, "ar-large"), spread(probe, "bert-large"), probes, spread(tuned, "tuned-ar"), spread(tuned, "tuned-bert"), tunes
    over_scratch = difference(tuned, "tuned-ar", tuned, "scratch"); a = sign
    over_probe = difference(tuned, "tuned-ar", probe, "ar-large"); b = sign
    printf "5. Finetuning beats training from scratch and the probe: %s.\n   finetuned %s, from scratch %s, probe %s\n   less from scratch: %s; less the probe: %s\n", verdict(a > 0 && b > 0), spread(tuned, "tuned-ar"), spread(tuned, "scratch"), spread(probe, "ar-large"), over_scratch, over_probe
}

function spread_pixels(    i, column, count) {
    for (i = 1; i <= seed_count; i++) if (("pixels", 0, seeds[i]) in curve) column[++count] = curve["pixels", 0, seeds[i]]
    return sprintf("%.1f", mean(column, count))
}
