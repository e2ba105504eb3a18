# Images that a model has seen before: in another data set, and in another split of its own at another resolution.
# usage: overlap.sh SCANLINE
. "$(dirname "$0")/common.sh"

# 8 x 8 pixels of 64 values, in grey, as an .npy array: images FIRST to LAST, of which each has a level of its own in each
# quarter. Labels go by turns.
array() {
    name=$1 first=$2 last=$3
    {
        printf '\223NUMPY\001\000\166\000'
        printf "%-117s\n" "{'descr': '|u1', 'fortran_order': False, 'shape': ($((last - first + 1)), 8, 8), }"
        awk -v first="$first" -v last="$last" 'BEGIN {
            for (i = first; i <= last; i++)
                for (y = 0; y < 8; y++)
                    for (x = 0; x < 8; x++)
                        printf "\\%03o", 1 + (i * (x < 4 ? 7 : 3) + (y < 4 ? int(i / 16) : 40)) % 60
            print ""
        }' | while read -r bytes; do printf "$bytes"; done
    } >"$name-images.npy"
    {
        printf '\223NUMPY\001\000\166\000'
        printf "%-117s\n" "{'descr': '|u1', 'fortran_order': False, 'shape': ($((last - first + 1)),), }"
        awk -v first="$first" -v last="$last" 'BEGIN { for (i = first; i <= last; i++) printf "\\%03o", i % 2; print "" }' |
            while read -r bytes; do printf "$bytes"; done
    } >"$name-labels.npy"
}
array a 1 100
array b 61 160
expect 0 '100 images of 8 x 8' data import a-images.npy a-labels.npy -o a.images --test 20% --validation 20%
expect 0 '100 images of 8 x 8' data import a-images.npy a-labels.npy -o other.images --test 20% --validation 20% --seed 5
expect 0 '100 images of 8 x 8' data import b-images.npy b-labels.npy -o b.images --test 30% --validation 20%

model="layers=1 d=16 h=2 n=64 v=256 k=2 train.batch=10 train.steps=4 train.evaluate=2 train.checkpoint=2"
# shellcheck disable=SC2086 # a list of words
expect 0 "best validation loss" train digits $model data.source=a.images
images=$(sed -n 's/^ *"images": "\([0-9a-f]*\)",/\1/p' runs/0001-*/run.json)
[ ${#images} = 32 ] || fail "run.json does not know the images"

# Of b's images 40 are a's, of which some are for training there, and some held out here.
seen() { sed -n "s/^.*warning: \([0-9]*\) images for validation and \([0-9]*\) for testing of b.images are also .* a.images.*/\1 \2/p" err; }
expect 0 "a transfer" train --from 1 data.source=b.images
known=$(seen)
[ -n "$known" ] || fail "nothing says that b's images were seen"
set -- $known
[ "$1" -gt 0 ] && [ "$2" -gt 0 ] && [ $(($1 + $2)) -lt 30 ] || fail "$known images are seen"
expect 0 "probe/b-[0-9a-f]*/probe.json" probe 1 data.source=b.images probe.labels=0
[ "$(seen)" = "$known" ] || fail "the probe does not warn as the training does:"
expect 0 "steps.json" probe 1 --steps all data.source=b.images probe.labels=0
[ "$(grep -c 'are also among' err)" = 1 ] || fail "not one warning for all steps:"
# What a parent's parent was trained on counts too; the set itself does not.
expect 0 "best" train --from 2 train.steps=2
[ "$(seen)" = "$known" ] || fail "what the parent of the parent has seen is forgotten:"
expect 0 "best" train --from 1 train.steps=2
if grep -q "are also among" err; then fail "the run's own set is warned of"; fi
expect 0 "best" train --from 4 data.source=b.images train.steps=2
[ "$(grep -c 'are also among' err)" = 1 ] || fail "not one warning for a parent and its parent:"

# The same images at another resolution are the same images: other splits of them have been seen.
expect 0 "images of a.images as other tokens" train --from 1 data.resolution=8
expect 1 "trained on other splits of the same images" train --from 1 data.source=other.images data.resolution=8
expect 1 "was trained on other splits" probe 1 data.source=other.images data.resolution=8
expect 0 "probe.json" probe 1 data.resolution=8 probe.labels=0
expect 1 "trained on other splits of the same images" train --from 2 data.source=other.images data.resolution=8

# The raw pixels are fitted once for all steps, to what they give by themselves.
expect 0 "steps.json" probe 1 --steps all --again
run=$(echo runs/0001-*)
cp "$run/probe/step-000004/probe.json" together.json
expect 0 "steps.json" probe 1 --steps 4 --again
cmp together.json "$run/probe/step-000004/probe.json" || fail "probed together a step has other results"
