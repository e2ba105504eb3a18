# Drawing and completing images: the same pictures whatever is drawn side by side and however many threads there are; what
# cannot be drawn is refused with its line.
# usage: draw.sh SCANLINE
. "$(dirname "$0")/common.sh"

expect 0 'at step 30' train digits layers=2 d=32 train.steps=30 --out run
expect 0 'samples/samples.png' sample run --images 5 --seed 3 --files
for name in samples images/0000 images/0004; do
    cp run/samples/$name.png "$(basename $name).png"
done
for options in "--batch 1" "--batch 3 --threads 2" "--batch 5 --threads 3"; do
    # shellcheck disable=SC2086 # a list of words
    expect 0 'samples/samples.png' sample run --images 5 --seed 3 --files $options
    for name in samples images/0000 images/0004; do
        cmp "$(basename $name).png" run/samples/$name.png || fail "$options: another picture"
    done
done
expect 0 'samples/samples.png' sample run --images 5 --seed 4
cmp -s samples.png run/samples/samples.png && fail "another seed, the same picture"
expect 0 '"top_k": 3' sample run --images 2 --top-k 3 --top-p 0.9 --temperature 0.7 --json

# Completions of the set's images, and of a picture of one that was drawn.
expect 0 'samples/completions.png' complete run --images 3 --each 2
cp run/samples/completions.png completions.png
expect 0 'samples/completions.png' complete run --images 3 --each 2 --batch 4 --threads 2
cmp completions.png run/samples/completions.png || fail "another picture of completions"
expect 0 '"given_positions": 16' complete run 0000.png 0004.png --each 3 --given 0.25 --files --json
[ -f run/samples/images/0001-2.png ] || fail "no file of its own"
expect 0 'samples/completions.png' complete run --split test --images 1 --each 1
grep -q '"complete"' run/run.json || fail "the read of the test split is not counted"

expect 2 "can't be '0'" sample run --batch 0
expect 2 "can't be '1.5'" complete run --given 1.5
expect 2 "below 1" complete run --given 1
expect 1 'nothing.png' complete run nothing.png
expect 1 'samples.json' complete run run/samples/samples.json

expect 0 'at step 1' train digits layers=1 d=16 h=2 train.objective=bert train.steps=1 --out bert
expect 1 "spec.scan:[0-9]*:[0-9]*: error: this attention looks at positions along 'm' that are not drawn yet" sample bert
expect 1 '"line": [0-9]' complete bert --json
