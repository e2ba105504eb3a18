# Trained on one set, probed and finetuned on another: where tokens mean the same, what is recorded,
# what is refused. The other sets are made of the digits' own images.
# usage: transfer.sh SCANLINE
. "$(dirname "$0")/common.sh"
digits=$(cd "$(dirname "$OLDPWD/$0")/../../models/digits" 2>/dev/null || cd "$(dirname "$0")/../../models/digits" && pwd)

# The first 600 images, of five classes instead of ten.
{
    printf '\000\000\010\003\000\000\002\130\000\000\000\010\000\000\000\010'
    tail -c +17 "$digits/digits-images-idx3-ubyte" | head -c 38400
} >five-images.idx
{
    printf '\000\000\010\001\000\000\002\130'
    tail -c +9 "$digits/digits-labels-idx1-ubyte" | head -c 600 | tr '\001-\011' '\000\001\001\002\002\003\003\004\004'
} >five-labels.idx
# And 150 of 16 x 16 pixels.
{
    printf '\000\000\010\003\000\000\000\226\000\000\000\020\000\000\000\020'
    tail -c +17 "$digits/digits-images-idx3-ubyte" | head -c 38400
} >large-images.idx

# figure FILE KEY...: one number of a JSON file
hash_of() { sed -n "s/^ *\"$2\": \"\([0-9a-f]*\)\",*/\1/p" "$1" | head -1; }

expect 0 "best validation loss" train digits layers=1 d=32 h=2 rate=0.03 data.test=60% train.steps=40 train.evaluate=20 train.checkpoint=20
run=$(echo runs/0001-*)
expect 0 "feature\|\*" probe 1 probe.labels=0
cp "$run/probe/probe.json" own.json

# Features of a model of the digits tell the other set's classes apart, better than chance by far.
expect 0 "probe/five-images-[0-9a-f]*/probe.json" probe 1 data.source=five-images.idx probe.labels=0
other=$(echo "$run"/probe/five-images-*/probe.json)
cmp "$run/probe/probe.json" own.json || fail "the run's own probe was written over"
[ "$(hash_of "$other" data_hash)" != "$(hash_of own.json data_hash)" ] || fail "the hash is not the other set's"
grep -A3 '"trained_on"' "$other" | grep -q "$(hash_of own.json data_hash)" || fail "what it was trained on is not recorded"
grep -A40 '"best"' "$other" | awk '/"test"/ { test = 1 } test && /"accuracy"/ { exit !($2 + 0 > 0.3) }' ||
    fail "the probe is no better than chance"
grep -q '"probe",' "$run/run.json" || fail "reads of the test split are not counted"

# Checkpoints by step, each probed once; of another set too.
expect 0 "^ *40 .*feature" probe 1 --steps all probe.labels=0
grep -q "^ *20  *[0-9.]*  *feature" out || fail "step 20 is not in the table"
reads=$(grep -c '"probe"' "$run/run.json")
for step in 000020 000040; do [ -f "$run/probe/step-$step/probe.json" ] || fail "no probe of step $step"; done
cp out table
expect 0 "probed already" probe 1 --steps all probe.labels=0
cmp out table || fail "the table is another the second time"
[ "$(grep -c '"probe"' "$run/run.json")" = "$reads" ] || fail "what was probed was read again"
expect 0 '"step": 20' probe 1 --steps 20 --json probe.labels=0
expect 0 "^ *20 " probe 1 --steps 20 --again probe.labels=0
[ "$(grep -c '"probe"' "$run/run.json")" = $((reads + 1)) ] || fail "--again did not probe"
expect 0 "five-images-[0-9a-f]*/steps.json" probe 1 --steps 40 data.source=five-images.idx probe.labels=0
loss=$(sed -n 's/^{"step": 40, "split": "validation", "loss": \([0-9.]*\).*/\1/p' "$run/metrics.jsonl")
awk -v loss="$loss" '$1 == 40 { exit !($2 - loss < 6e-5 && loss - $2 < 6e-5) }' table || fail "the loss is another"

# Killed between two steps, it goes on.
rm -r "$run"/probe/step-*  "$run/probe/steps.json"
"$scanline" probe 1 --steps all probe.labels=0 >out 2>err &
process=$!
while [ ! -f "$run/probe/step-000020/probe.json" ] && kill -0 $process 2>/dev/null; do sleep 0.01; done
kill -9 $process 2>/dev/null
wait $process 2>/dev/null
process=
expect 0 "^ *40 .*feature" probe 1 --steps all probe.labels=0
cmp out table || fail "the table is another after a kill"

# A probe on a part of the labels holds out what the run did, and is of the same data.
expect 0 "s1/probe/probe.json" probe 1 data.labels=4 probe.labels=0
grep -A9 '"train"' "$run/probe/probe.json" | grep -q '"n": 40,' || fail "not 4 of each class were fitted to"
expect 1 "trained on other splits" probe 1 data.seed=7
expect 1 "64 tokens an image; those of large-images.idx have 256" probe 1 data.source=large-images.idx
expect 1 "settings of these sections can be changed here: probe data" probe 1 d=32
expect 1 "no checkpoint of step 30; there are 2, of steps 20 to 40" probe 1 --steps 30
expect 2 "takes .all., or steps" probe 1 --steps some
expect 2 "not both" probe 1 --steps all --checkpoint x
expect 2 "goes with --steps" probe 1 --again

# Finetuned there, with as many classes as there are; and back again with another classifier.
expect 0 "a transfer: it was trained on other images" train --from 1 data.source=five-images.idx k=5 train.objective=ar.classify train.steps=20
child=$(echo runs/0002-*)
[ "$(hash_of "$child/run.json" data)" != "$(hash_of "$run/run.json" data)" ] || fail "the child's data is the parent's"
grep -A9 '"parent": {' "$child/run.json" | grep -q "\"data\": \"$(hash_of "$run/run.json" data)\"" ||
    fail "the parent's data is not recorded"
expect 1 "5 classes; digits has 10" train --from 2 data.source=digits
expect 0 "new here, with initial values: 1: wclf" train --from 2 data.source=digits k=10 train.steps=5
expect 0 "is reproduced" reproduce 3
# What a parent was trained on is held to in a probe too.
expect 1 "trained on other splits" probe 2 data.source=digits data.seed=7
expect 0 "probe/digits-[0-9a-f]*/probe.json" probe 2 data.source=digits probe.labels=0
