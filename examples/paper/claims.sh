#!/bin/sh
# Holds the paper's claims against what run.sh found.
# usage: claims.sh RUNS SCANLINE SEEDS
set -eu
runs=$1 scanline=$2 seeds=$3
here=$(dirname "$0")

# NAME SEED STEP LOSS VALIDATION TEST: every probed checkpoint; accuracies of the layer that validation chose
checkpoints() {
    for seed in $seeds; do
        for name in ar-small ar-medium ar-large bert-large; do
            "$scanline" probe "$runs/$name-$seed" --steps all data.share=10% probe.labels=0 2>/dev/null |
                awk -v name=$name -v seed="$seed" '$1 + 0 > 0 { print "checkpoint", name, seed, $1, $2, $4, $6 }'
        done
    done
}

# NAME SEED LAYER TEST: by layer, after the last step
layers() {
    for seed in $seeds; do
        for name in ar-large bert-large; do
            last=$(for file in "$runs/$name-$seed"/probe/step-*/probe.json; do echo "$file"; done | tail -1)
            awk -v name=$name -v seed="$seed" '
                /"layers": \[/ { on = 1 }
                /"pixels":/ { name = "pixels"; on = 1 }
                on && /"features":/ { gsub(/[^0-9]/, "", $2); layer = $2 + 0 }
                on && /"test":/ { test = 1 }
                on && test && /"accuracy":/ { print "layer", name, seed, layer, 100 * $2; test = 0 }' "$last"
        done
    done
}

# NAME SEED TEST
tuned() {
    for seed in $seeds; do
        for name in scratch tuned-ar tuned-bert; do
            awk -v name=$name -v seed="$seed" '/^ *"accuracy":/ { print "tuned", name, seed, 100 * $2; exit }' \
                "$runs/$name-$seed/eval/test.json"
        done
    done
}

{ checkpoints; layers; tuned; } | awk -f "$here/claims.awk"
