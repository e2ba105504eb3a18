# Finetuning: the head on any layer, checkpoints judged by accuracy and early stop by it, a part of the
# labels, BERT's vote; the protocol with few labels, killed and given again.
# usage: finetune.sh SCANLINE
. "$(dirname "$0")/common.sh"

model="layers=2 d=16 h=2 rate=0.01 train.evaluate=20 train.checkpoint=20"
# shellcheck disable=SC2086 # a list of words
expect 0 "best validation loss" train digits $model train.steps=60
# shellcheck disable=SC2086
expect 0 "best validation loss" train digits $model train.steps=60 train.objective=bert
ar=$(echo runs/0001-*)

# figure RUN STEP NAME: of the validation split
figure() { sed -n "s/^{\"step\": $2, \"split\": \"validation\".*\"$3\": \([^,}]*\).*/\1/p" "$1/metrics.jsonl"; }

# The best is the evaluation of the highest accuracy (of equals the lowest loss), and patience waits for it.
expect 0 "best validation accuracy" train --from 1 train.objective=ar.classify train.steps=100 train.evaluate=5 train.best=accuracy train.patience=4
tuned=$(echo runs/0003-*)
expected=$(sed -n 's/^{"step": \([0-9]*\), "split": "validation", "loss": \([^,]*\), "accuracy": \([^}]*\)}/\3 \2 \1/p' "$tuned/metrics.jsonl" |
    sort -k1,1gr -k2,2g | head -1)
set -- $expected
grep -q "\"best_step\": $3," "$tuned/run.json" || fail "the best step is not $3"
grep -q "\"best_validation_accuracy\": $(printf %.6s "$1")" "$tuned/run.json" || fail "the best accuracy is not $1"
expect 0 "accuracy" eval 3
awk -v best="$1" '$1 == "accuracy" { exit !($2 - best < 1e-6 && best - $2 < 1e-6) }' out || fail "best is another checkpoint"
if grep -q '"done early"' "$tuned/run.json"; then
    last=$(sed -n 's/^ *"steps": \([0-9]*\),/\1/p' "$tuned/run.json")
    [ "$last" = $(($3 + 20)) ] || fail "patience ended after step $last, and the best was $3"
fi
expect 0 "is reproduced" reproduce 3

# The head on another layer is another classifier; on the last it is the usual one, to the bit.
expect 0 "best" train --from 1 train.objective=ar.classify train.steps=5 head_layer=2 --out last
expect 0 "best" train --from 1 train.objective=ar.classify train.steps=5 --out usual
expect 0 "best" train --from 1 train.objective=ar.classify train.steps=5 head_layer=0 --out first
cmp last/metrics.jsonl usual/metrics.jsonl || exit 1
cmp -s first/metrics.jsonl usual/metrics.jsonl && fail "head_layer=0 changes nothing"
expect 1 "no feature\[3\] yet" train --from 1 train.objective=ar.classify head_layer=3

# A part of the labels: what is held out is the parent's, in training and in resuming.
expect 0 "best" train --from 1 train.objective=ar.classify data.share=10% train.steps=5 --out share
expect 0 "train  *127 " data digits data.share=10%
grep -q "\"whole_split\": \"$(sed -n 's/^ *"split": "\(.*\)",/\1/p' "$ar/run.json" | head -1)\"" share/run.json ||
    fail "what is held out is not the parent's"
expect 0 "accuracy" eval share
expect 1 "trained on other splits" train --from 1 train.objective=ar.classify data.labels=4 data.seed=3
expect 1 "both choose a part" train --from 1 data.labels=4 data.share=10%
expect 1 "it needs an .output class" train --from 1 train.best=accuracy
expect 1 "there is no validation split" train digits train.objective=ar.classify train.best=accuracy data.validation=0

# BERT: every evaluation is a vote of five masks, also those by which the best is chosen.
expect 0 "best validation accuracy" train --from 2 train.objective=bert.classify train.steps=20 train.evaluate=10 train.best=accuracy data.labels=25 --out bert
expect 0 "vote: 5 masks" eval bert
step=$(sed -n 's/^ *"best_step": \([0-9]*\),/\1/p' bert/run.json)
awk -v best="$(figure bert "$step" accuracy)" '$1 == "accuracy" { exit !($2 - best < 1e-6 && best - $2 < 1e-6) }' out ||
    fail "the accuracy in training is not the vote's"

# Few labels: mean and deviation over draws; killed at random moments and given again.
settings="train.objective=ar.classify train.steps=20 train.evaluate=10 train.checkpoint=10 --labels 4,25 --subsets 2"
mkdir whole cut
cp -r "$ar" parent
export SCANLINE_RUNS=whole
# shellcheck disable=SC2086
expect 0 "^ *25  *2  [0-9.]* % +- [0-9.]*$" fewlabels --from parent $settings
cp out table
[ "$(ls -d whole/0* | wc -l)" = 4 ] || fail "there are $(ls -d whole/0* | wc -l) runs in the place of 4"
for run in whole/0*; do
    [ "$(grep -c '"fewlabels"' "$run/run.json")" = 2 ] && fail "$run: its validation was counted as test images"
    grep -q '"fewlabels"' "$run/run.json" || fail "$run: the read of the test split is not counted"
done
# The mean is that of what eval says of each.
sum=0
for run in whole/0*labels25*; do
    expect 0 "accuracy" eval "$run" --split test
    sum=$(awk -v sum="$sum" '$1 == "accuracy" { print sum + 50 * $2 }' out)
done
awk -v mean="$sum" '$1 == 25 { exit !($3 - mean < 0.051 && mean - $3 < 0.051) }' table || fail "the mean is not $sum"

export SCANLINE_RUNS=cut
round=0
while [ $round -lt 3 ]; do
    # shellcheck disable=SC2086
    "$scanline" fewlabels --from parent $settings >out 2>err &
    process=$!
    sleep "$(awk -v seed="$round" 'BEGIN { srand(seed + 5); printf "%.2f", 0.1 + rand() / 2 }')"
    kill -9 $process 2>/dev/null
    wait $process 2>/dev/null
    process=
    round=$((round + 1))
done
# shellcheck disable=SC2086
expect 0 "^ *25  *2 " fewlabels --from parent $settings
sed 's/^cut/whole/' out | cmp - table || fail "the results are others"
cmp whole/fewlabels-*/fewlabels.json cut/fewlabels-*/fewlabels.json || exit 1

# Given again, nothing is trained or read.
before=$(cat cut/0*/run.json | grep -c '"fewlabels"')
# shellcheck disable=SC2086
expect 0 '"labels_per_class": 25' fewlabels --from parent $settings --json
[ "$(cat cut/0*/run.json | grep -c '"fewlabels"')" = "$before" ] || fail "the test split was read again"
expect 1 "has no classes" fewlabels --from parent
expect 2 "4,25,400; not '4,x'" fewlabels --from parent --labels 4,x
expect 2 "has 4 twice" fewlabels --from parent --labels 4,4
expect 2 "from 1 to" fewlabels --from parent --subsets 0
