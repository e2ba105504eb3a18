# Accuracy in `eval`: of a classifier on BERT by the vote of five masks, also where the spec has no metric for it.
# usage: eval.sh SCANLINE
. "$(dirname "$0")/common.sh"
set -e
settings="layers=1 d=16 h=2 train.steps=4"

cat >silent.scan <<'SPEC'
use "digits.scan"
objective silent extends ar, bert {
  param wclf[k, d] = 0
  output class = sum[d](mean[n](y) * wclf)
  loss = loss + cross_entropy[k](class, label)
}
SPEC
for objective in ar.classify bert.classify bert.silent bert; do
    # shellcheck disable=SC2086 # a list of words
    "$scanline" train silent.scan $settings train.objective=$objective --out $objective >log 2>&1 || fail "$(cat log)"
    "$scanline" eval $objective --threads 1 >$objective.text
    "$scanline" eval $objective --threads 2 | cmp - $objective.text
done
grep -q '^accuracy 0.[0-9]*  ([0-9]* of 179; 95 % interval 0.[0-9]* to 0.[0-9]*)$' ar.classify.text || fail "$(cat ar.classify.text)"
grep -q '^accuracy .*; vote: 5 masks)$' bert.classify.text || fail "$(cat bert.classify.text)"
[ "$(sed 1d bert.classify.text)" = "$(sed 1d bert.silent.text)" ] || fail "the metric changes the accuracy"
if grep -q accuracy bert.text; then fail "an accuracy without classes"; fi

# What training notes of the last step is what eval says of its checkpoint.
said=$("$scanline" eval bert.silent --checkpoint bert.silent/checkpoints/last.safetensors --json | sed -n 's/^  "accuracy": \([0-9.]*\),*$/\1/p')
noted=$(sed -n 's/.*"step": 4, "split": "validation".*"accuracy": \([0-9.]*\)}.*/\1/p' bert.silent/metrics.jsonl)
awk -v a="$said" -v b="$noted" 'BEGIN { exit !(a != "" && a - b < 1e-12 && b - a < 1e-12) }' || fail "eval says $said, training $noted"
