# The learning-rate search: when it ends, a trial that diverges, what it says of a spec that can't be
# searched; killed at random moments and given again: the same bytes as uninterrupted.
# usage: search.sh SCANLINE [ROUNDS]
. "$(dirname "$0")/common.sh"
rounds=${2:-5}

rates="rate=1e30,3,0.1,0.001,0.0003"
model="digits layers=1 d=16 h=2 train.steps=300 train.evaluate=50 train.checkpoint=50"
export SCANLINE_RUNS=whole
# shellcheck disable=SC2086 # a list of words
expect 0 "^best: rate=" search $model --over $rates

# The highest rate diverges and is passed over; the search ends at the first rise.
cp out table
grep -q "^  1e30 *diverged .* 0001-" table || fail "the first trial did not diverge"
awk '$1 == "rate" { trials = 1; next }
     trials && /-digits-/ && $2 + 0 > 0 { loss[++n] = $2 }
     /^best/ { trials = 0 }
     END { for (i = 2; i < n; i++) if (loss[i] > loss[i - 1]) exit 1
           exit !(n >= 2 && loss[n] > loss[n - 1]) }' table || fail "the search did not end at the first rise"
grep -q '"end": "the loss rose"' whole/search-*/search.json || fail "search.json does not say how it ended"
made=$(ls -d whole/0* | wc -l)
[ "$made" -lt 5 ] || fail "a trial was made behind the rise"
best=$(sed -n 's/^best: rate=.* nats, run //p' table)
[ -f "whole/$best/checkpoints/best.safetensors" ] || fail "the best run is not there"

# Again: nothing is trained, and the same is said.
# shellcheck disable=SC2086
expect 0 "is there already, and diverged" search $model --over $rates
cmp out table || fail "the results are others the second time"
[ "$(ls -d whole/0* | wc -l)" = "$made" ] || fail "trials were made a second time"

# Killed at any moment and given again: after so many more lines of its trials' records.
export SCANLINE_RUNS=cut
killed=0
round=0
lines() { cat cut/0*/metrics.jsonl 2>/dev/null | wc -l; }
while [ $round -lt "$rounds" ]; do
    enough=$(($(lines) + 1 + 2 * round))
    # shellcheck disable=SC2086
    "$scanline" search $model --over $rates >out 2>err &
    process=$!
    while [ "$(lines)" -lt $enough ] && kill -0 $process 2>/dev/null; do :; done
    if kill -9 $process 2>/dev/null; then killed=$((killed + 1)); fi
    wait $process 2>/dev/null
    process=
    round=$((round + 1))
done
# shellcheck disable=SC2086
expect 0 "^best: rate=" search $model --over $rates
[ $killed -ge 2 ] || fail "only $killed of $rounds rounds met a running search"
sed 's/^cut/whole/' out | cmp - table || fail "the results are others"
cmp whole/search-*/search.json cut/search-*/search.json || exit 1
(cd whole && ls) >names
(cd cut && ls) | cmp - names || fail "there are other runs"
for run in whole/0*; do
    for file in metrics.jsonl checkpoints/last.safetensors checkpoints/best.safetensors; do
        [ ! -e "$run/$file" ] || cmp "$run/$file" "cut/${run#whole/}/$file" || exit 1
    done
done
echo "$killed of $rounds rounds killed a running search"

# A signal saves, and says that the command goes on.
export SCANLINE_RUNS=stopped
# shellcheck disable=SC2086
"$scanline" search digits train.steps=100000 --over rate=0.01,0.003 >out 2>err &
process=$!
while [ ! -s "$(echo stopped/0001-*)/timing.jsonl" ] && kill -0 $process; do sleep 0.05; done
# Of one search there is one process at a time.
expect 3 "is training or reproducing" search digits train.steps=100000 --over rate=0.01,0.003
kill -TERM $process
code=0
wait $process || code=$?
process=
[ $code = 75 ] || fail "SIGTERM: exit code $code"

# --all tries every value; trials that another search made are taken.
export SCANLINE_RUNS=whole
# shellcheck disable=SC2086
expect 0 '"end": "every value was tried"' search $model --all --over $rates --json
[ "$(ls -d whole/0* | wc -l)" = 5 ] || fail "--all left out a value, or made one twice"
# shellcheck disable=SC2086
expect 4 "every trial diverged" search $model --over rate=1e30,1e29

# From the parameters of another run.
expect 0 "0.01 .*run\|best: rate=" search --from "whole/$best" train.steps=20 --over rate=0.01,0.001
grep -q '"parent": {' "$(ls -d whole/0* | tail -1)/run.json" || fail "the trial has no parent"

# Refused before anything is made.
export SCANLINE_RUNS=refused
expect 1 "no const 'lr'" search digits --over lr
expect 1 "'hide' changes nothing about the update" search digits --over hide=0.1,0.2
expect 1 "second value" search digits rate=0.1
expect 1 "there is no" search digits --over rate=0.1,oops
expect 2 "0.1 twice" search digits --over rate=0.1,0.1
expect 2 "takes a name and 1 to" search digits --over rate=
expect 1 "there is none" search digits data.validation=0
expect 2 "goes with --from" search digits --checkpoint x
[ ! -e refused ] || fail "a refused search left something: $(ls refused)"
