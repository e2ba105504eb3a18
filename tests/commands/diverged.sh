# A gradient that is not finite while the loss is: whether gradients are kept to be looked at (several chunks a batch) or
# used up one by one (one chunk), the step and the op are named, and no checkpoint is touched.
# usage: diverged.sh SCANLINE
specs=$(cd "$(dirname "$0")/../specs" && pwd)
. "$(dirname "$0")/common.sh"

cp "$specs/cliff_digits.scan" cliff.scan

for chunks in 2 1; do
    expect 4 "step 4: NaN first in loop_[0-9a-f]* cliff.scan:8" train cliff.scan train.chunks=$chunks --out "run-$chunks"
    sed -n 's/.*error: //p' err >"said-$chunks"
    [ "$(ls run-$chunks/checkpoints)" = "$(printf 'best.safetensors\nlast.safetensors\nstep-000002.safetensors')" ] ||
        fail "checkpoints of run-$chunks: $(ls run-$chunks/checkpoints)"
    grep -q '"step": 3, "split": "train"' "run-$chunks/metrics.jsonl" || fail "the last step is not in the record"
    grep -q '"step": 4' "run-$chunks/metrics.jsonl" && fail "the step that diverged is in the record"
    expect 0 "it diverged after step 3, here too" reproduce "run-$chunks"
done
cmp said-2 said-1 || fail "one chunk says something else than two"
grep -q 'the gradient of p is not finite; computing again' run-1/log.txt || fail "nobody is told why it takes longer"

# It goes on from the checkpoint, and comes to the same end.
expect 4 "step 4: NaN first in loop" train --resume run-1

# With no checkpoint yet it is computed again from the start; from a parent, from that.
expect 4 "step 4: NaN first in loop" train cliff.scan train.chunks=1 train.checkpoint=10 --out from-start
expect 4 "step 2: NaN first in loop" train --from run-1 train.chunks=1 train.checkpoint=10 --out child

# What an update leaves that is not finite is not kept.
expect 4 "step 2: its update left .* in p" train cliff.scan train.chunks=1 train.evaluate=20 \
    "train.update=sgd(lr = n * where(step < 2, 1, 1e38))" --out not-kept
[ ! -e not-kept/checkpoints/step-000002.safetensors ] || fail "a checkpoint has parameters that are not finite"
exit 0
