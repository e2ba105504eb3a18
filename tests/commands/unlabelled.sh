# Images without a label, as STL-10 has them: pretraining takes them all, and what reads labels the others alone.
# usage: unlabelled.sh SCANLINE
. "$(dirname "$0")/common.sh"

# STL-10's binary form: 96 x 96 pixels, plane by plane. Each plane here is of one level, which the class decides for red.
levels="011 034 057 102 125 150 173 216 241 264 307 332"
for level in $levels; do
    head -c 9216 /dev/zero | tr '\0' "\\$level" >"level.$level"
done
mkdir stl
count=0
for red in 011 034 057 102 125 150 173 216 241 264; do
    class=$((count / 24 + 1))
    for green in $levels; do
        for blue in 307 332; do
            case $((count % 24)) in
            [0-4]) part=test ;;
            [5-9]) part=train ;;
            *) part=unlabeled ;;
            esac
            cat "level.$red" "level.$green" "level.$blue" >>"stl/${part}_X.bin"
            [ $part = unlabeled ] || printf "\\$(printf %03o $class)" >>"stl/${part}_y.bin"
            count=$((count + 1))
        done
    done
done
expect 0 '240 images of 96 x 96' data import stl -o stl.images --validation 20%
expect 0 'palette of 16 colours' data palette stl.images --colours 16 --resolution 4

# figure SPLIT KEY: of the JSON in out
figure() { sed -n "/\"$1\": {/,/}/s/^ *\"$2\": \([0-9]*\),*/\1/p" out | head -1; }
small="layers=1 d=16 h=2 n=16 v=16 train.batch=16 train.evaluate=10 data.source=stl.images data.resolution=4"
# shellcheck disable=SC2086 # a list of words
expect 0 '"unlabelled": 112' data digits $small --json
[ "$(figure train images) $(figure validation images) $(figure test images)" = "152 38 50" ] || fail "other splits"
# shellcheck disable=SC2086
expect 0 "without a label: 112, 28, 0" data digits $small
grep -q "train  *152 *by class: 4 4 4 4 4 4 4 4 4 4$" out || fail "not 4 of each class are for training"
# shellcheck disable=SC2086
expect 0 '"unlabelled": 112' data digits $small train.objective=ar.classify --json
[ "$(figure train images) $(figure validation images) $(figure test images)" = "40 10 50" ] || fail "not the labelled alone"

# Pretrained on all; probed on those with a label, of which classes can be told apart.
for objective in ar bert; do
    # shellcheck disable=SC2086
    expect 0 "best validation loss" train digits $small train.steps=20 train.objective=$objective
    if grep -q "no label" err; then fail "$objective leaves images out"; fi
done
expect 0 '"n": 40' probe 1 --json probe.labels=2
grep -q "no label: 112 images for training, 28 for validation, 0 for testing" err || fail "nothing says what is left out"
awk '/"best"/ { best = 1 } best && /"test"/ { test = 1 } test && /"accuracy"/ { exit !($2 + 0 > 0.25) }' out ||
    fail "the probe is no better than chance"
expect 0 "labels.npy" features 1 -o features
tail -c 960 features/labels.npy | od -An -v -td4 -w4 | sort -n | uniq -c | head -1 | grep -q "^ *140 *-1$" ||
    fail "labels.npy does not have 140 images without a label"

# Finetuned and judged on them; what is held out is the parent's.
expect 0 "best validation accuracy" train --from 1 train.objective=ar.classify train.steps=20 train.best=accuracy
grep -q "no label: 112 images for training" err || fail "nothing says what is left out"
expect 0 "^accuracy" eval 3 --split test
grep -q "n = 50" out || fail "the test split is not the labelled images"
expect 0 "n = 10" eval 3
expect 0 "is reproduced" reproduce 3
expect 0 "best validation loss" train --from 2 train.objective=bert.classify train.steps=2 data.labels=2
