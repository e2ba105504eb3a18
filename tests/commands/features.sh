# Probe settings of a run that is trained, and its features as .npy files: names, headers, sizes, and what is refused.
# usage: features.sh SCANLINE
. "$(dirname "$0")/common.sh"

expect 0 . train digits layers=2 d=16 h=2 train.steps=3 train.evaluate=3 --out run

# header FILE TEXT: what an .npy file says it holds
header() {
    head -c 128 "$1" | tr -d '\0' | grep -aq "$2" || fail "$1: no '$2' in its header"
}
# size FILE BYTES
size() {
    [ "$(wc -c <"$1")" = "$2" ] || fail "$1 has $(wc -c <"$1") bytes, not $2"
}

expect 0 'run/features/features.json' features run
for layer in 0 1 2; do
    header run/features/feature.$layer.npy "'<f4'.*(1797, 16)"
    size run/features/feature.$layer.npy $((128 + 1797 * 16 * 4))
done
header run/features/labels.npy "'<i4'.*(1797,)"
header run/features/splits.npy "'|u1'.*(1797,)"
grep -q '"split_names"' run/features/features.json || fail "features.json has no split_names"
[ "$(grep -c '^ *"features",*$' run/run.json)" = 1 ] || fail "$(cat run/run.json)"

# The images of a split are the same rows, whatever the number of threads.
expect 0 '"images": 1259' features run --split train --layers 1..2 -o train --json --threads 2
[ ! -e train/feature.0.npy ] || fail "layer 0 was not asked for"
size train/feature.2.npy $((128 + 1259 * 16 * 4))
[ "$(grep -c '^ *"features",*$' run/run.json)" = 1 ] || fail "the training images are no read of the test split"
expect 0 . features run --split train --layers 1..2 -o again --threads 1
cmp train/feature.2.npy again/feature.2.npy || fail "threads change features"

# Before the norm it is another tap; layers are compared by content.
expect 0 'raw.1.npy' features run --raw --layers 1 -o raw
cmp -s raw/raw.1.npy run/features/feature.1.npy && fail "raw features are the normed ones"

expect 1 'probe.layers: there is no layer 9' features run --layers 9
expect 1 "of a run that is trained" features run d=32
expect 1 "there is no tap 'depth'" probe run probe.features=depth
expect 2 "--split can't be 'none'" features run --split none
expect 3 'nowhere' features run -o /nowhere/features

# The probe by other settings than the run was trained with.
expect 0 '"concatenated"' probe run probe.labels=4 probe.concat=2 probe.layers=0..1 --json
expect 0 '0..1 ' probe run probe.labels=0 probe.concat=0..1 probe.solver=sgd probe.rate=0.1 probe.epochs=1
[ ! -e run/probe/few_labels_25.svg ] || fail "25 labels were not asked for"
grep -q '"rate": 0.1' run/probe/probe.json || fail "the rate is not in probe.json"
expect 1 'not among those that are probed' probe run probe.concat='[0, 7]' probe.labels=0
expect 1 'probe.labels is' probe run probe.labels=1.5
