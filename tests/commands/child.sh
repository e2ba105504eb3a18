# A run from the parameters of another: what is taken, what is new, what is refused; that it is
# reproduced and resumed without its parent.
# usage: child.sh SCANLINE
. "$(dirname "$0")/common.sh"

# loss RUN STEP: of the validation split
loss() { sed -n "s/^{\"step\": $2, \"split\": \"validation\", \"loss\": \([^,}]*\).*/\1/p" "$1/metrics.jsonl"; }

expect 0 "best validation loss" train digits layers=1 d=16 h=2 train.steps=60 train.evaluate=20 train.checkpoint=20
parent=$(echo runs/0001-*)

# It begins where the parent has come to.
expect 0 "taken over from it: 13 parameters" train --from 1 train.steps=5
child=$(echo runs/0002-*)
[ "$(loss "$child" 0)" = "$(loss "$parent" 60)" ] || fail "the child begins at $(loss "$child" 0), the parent ended at $(loss "$parent" 60)"
grep -q "\"id\": \"$(basename "$parent")\"" "$child/run.json" || fail "run.json does not name the parent"
expect 0 "step 20" train --from 1 --checkpoint "$parent/checkpoints/step-000020.safetensors" train.steps=5
[ "$(loss runs/0003-* 0)" = "$(loss "$parent" 20)" ] || fail "--checkpoint was not heeded"

# Finetuning: the classifier is new, all else is the parent's. A classifier of zeros adds ln 10.
expect 0 "new here, with initial values: 1: wclf" train --from 1 train.objective=ar.classify train.steps=5
awk "BEGIN { exit !($(loss runs/0004-* 0) - $(loss "$parent" 60) - log(10) < 1e-5) }" || fail "the generative part is another"
expect 0 "without a place here: 1: sos" train --from 1 train.objective=bert train.steps=5

# A state that starts as its parameter starts as the parent's: then the rule moves nothing.
cat >own.scan <<'SPEC'
use "igpt.scan"
dim n = 64, v = 17, d = 16, h = 2, layers = 1, k = 10
update hold(w, g) {
  state a = w
  w = a + 0 * g
  a = a * 1
}
data { source = digits; validation = 10%; test = 20% }
train { objective = ar; batch = 64; steps = 3; update = hold() }
SPEC
expect 0 "taken over from it: 13" train --from 1 own.scan
run=$(echo runs/0006-own*)
[ "$(loss "$run" 3)" = "$(loss "$parent" 60)" ] || fail "the state is not of the parent's parameters: $(loss "$run" 3)"

# Refused, before there is a folder.
expect 1 "'wte' is F32 \[v = 17, d = 32\] here and F32 \[17, 16\] in .*best.safetensors" train --from 1 d=32
expect 1 "trained on other splits" train --from 1 data.seed=7
expect 1 "no checkpoint of" train --from 1 --checkpoint "$child/checkpoints/best.safetensors"
expect 1 "nowhere" train --from 1 --checkpoint nowhere.safetensors
expect 1 "there is no run 77" train --from 77
expect 2 "goes with --from" train digits --checkpoint x
expect 2 "--resume or --from" train --resume 1 --from 1
[ "$(ls runs | wc -l)" = 6 ] || fail "a refused child left a folder"

# Grandchildren are held to the images of all that they come from.
cp -r runs/0002-* "$folder/orphan"
rm -r "$parent"
expect 0 "is reproduced" reproduce orphan
expect 1 "trained on other splits" train --from orphan data.test=30%
expect 0 "best validation loss" train --from orphan train.steps=300 train.evaluate=50 --out whole
"$scanline" train --from orphan train.steps=300 train.evaluate=50 --out cut >out 2>err &
process=$!
while [ ! -s cut/timing.jsonl ] && kill -0 $process; do sleep 0.02; done
kill -9 $process
wait $process 2>/dev/null
process= # its number may be given again
[ ! -f cut/checkpoints/last.safetensors ] || fail "the kill came too late to show anything"
expect 0 "best validation loss" train --resume cut
same whole cut
printf x >>orphan/checkpoints/parent.safetensors
expect 1 "is not the file that the run started from" reproduce orphan
