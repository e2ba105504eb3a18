# Sweeps: trials have the bits of plain trainings, also when halved; processes share them; killed and stopped they go on;
# failures are kept; exports, parts, and databases that are not what they should be.
# usage: sweep.sh SCANLINE
. "$(dirname "$0")/common.sh"

model="digits layers=1 h=2 train.steps=40 train.evaluate=10 train.checkpoint=10"

# sweep CODE PATTERN WORD...: of the model, two trials side by side
sweep() {
    sweep_code=$1 sweep_pattern=$2
    shift 2
    # shellcheck disable=SC2086 # a list of words
    expect "$sweep_code" "$sweep_pattern" sweep $model --jobs 2 "$@"
}

# plain KEY=VALUE...: a plain training; its run is $plain
plain() {
    # shellcheck disable=SC2086
    SCANLINE_RUNS=$folder/plain expect 0 "best validation loss" train $model "$@"
    plain=$(sed -n 1p out)
}

# run_of DB TRIAL: the folder of its run, of those in $SCANLINE_RUNS
run_of() {
    echo "$SCANLINE_RUNS/$("$scanline" sweep export csv "$1" | sed -n "$(($2 + 1))s/.*,\(0[0-9]*-[^,]*\),.*/\1/p")"
}

# table DB: all but times, and the numbers of runs
table() { "$scanline" sweep show "$1" --json | sed '/"database"/d; /"seconds"/d; s/"run": "[0-9]*-/"run": "/'; }

# columns DB LIST
columns() { "$scanline" sweep export csv "$1" | cut -d, -f"$2"; }

runs() { find "$SCANLINE_RUNS" -maxdepth 1 -name '0*' 2>/dev/null | wc -l; }

# --- a grid: trials that are done, that diverge, and that are no spec (15 positions of 2 heads) ---
export SCANLINE_RUNS=grid
sweep 0 "^2 done, 6 failed" --over d=16,15 --over rate=0.01,1e30 --over train.seed=1..2 --db grid.db
cp out shown
grep -q "^trial 3 failed: step .*NaN" out || fail "the trial that diverged has no reason"
grep -q "^trial 5 failed: .*igpt.scan:[0-9]*:[0-9]*: error" out || fail "the trial with a bad setting has no reason"
grep -q "^1 program was compiled" err || fail "trials that differ by rate and seed were compiled by themselves"
plain d=16 rate=0.01 train.seed=2
same "$plain" "$(run_of grid.db 2)"

# Given again, nothing is trained; failures are tried again where that is asked for.
made=$(runs)
sweep 0 "^2 done, 6 failed" --over d=16,15 --over rate=0.01,1e30 --over train.seed=1..2 --db grid.db
cmp out shown || fail "the results are others the second time"
! grep -q "^trial 3" err || fail "a failed trial was tried again"
sweep 0 "^trial 3: d=16 rate=1e30" --over d=16,15 --over rate=0.01,1e30 --over train.seed=1..2 --db grid.db --retry-failed
[ "$(runs)" = "$made" ] || fail "runs were made a second time"
expect 0 "^ar: trial [12] d=16 rate=0.01" sweep best grid.db
expect 0 '"state": "failed"' sweep show grid.db --json
"$scanline" sweep export csv grid.db -o grid.csv || fail "export fails"
[ "$(grep -c '^[0-9]*,' grid.csv)" = 8 ] || fail "grid.csv has not a row a trial"
grep -q '^5,failed,15,0.01,1,' grid.csv || fail "grid.csv does not have trial 5"
expect 0 "^2,40,validation,loss,[0-9.]*$" sweep export csv grid.db --metrics

# One after the other: the same.
# shellcheck disable=SC2086
SCANLINE_RUNS=single expect 0 "^2 done, 6 failed" sweep $model --jobs 1 --over d=16,15 --over rate=0.01,1e30 \
    --over train.seed=1..2 --db single.db
table grid.db >a && table single.db >b
cmp a b || fail "the results depend on --jobs"

# All trials fail: the code is that of the first.
sweep 4 "^2 failed" d=16 --over rate=1e30,1e29 --db none.db
expect 1 "no trial of none.db is done" sweep best none.db

# --- by chance: a function of the seed ---
export SCANLINE_RUNS=random
sweep 0 "^3 done" d=16 --method random --trials 3 --over rate=1e-3..1e-1:log --over train.seed=1..1000 --db random.db
columns random.db 1-4 >a
# More of them: the first stay what they are.
sweep 0 "^4 done" d=16 --method random --trials 4 --over rate=1e-3..1e-1:log --over train.seed=1..1000 --db random.db
columns random.db 1-4 | head -4 | cmp - a || fail "the draws are others"
rate=$(sed -n '2s/^1,done,\([^,]*\),.*/\1/p' a) seed=$(sed -n '2s/^1,done,[^,]*,//p' a)
plain d=16 rate="$rate" train.seed="$seed"
same "$plain" "$(run_of random.db 1)"

# --- halved: what goes on has the bits of a plain training, what does not its beginning ---
export SCANLINE_RUNS=halved
sweep 0 "^2 done, 4 dropped" d=16 --method halving --rungs 2 --over rate=0.03,0.01,0.003,0.001,3e-4,1e-4 --db halved.db
expect 0 "^ar: trial 1 rate=0.03" sweep best halved.db
for trial in 1 6; do
    rate=$(columns halved.db 3 | sed -n $((trial + 1))p)
    plain d=16 rate="$rate"
    run=$(run_of halved.db $trial)
    head -n "$(wc -l <"$run/metrics.jsonl")" "$plain/metrics.jsonl" | cmp - "$run/metrics.jsonl" || fail "trial $trial is another"
    [ $trial = 1 ] && same "$plain" "$run"
done
grep -q '"step": 20, "split": "validation"' "$run/metrics.jsonl" || fail "no evaluation at the end of the rung"
! grep -q '"step": 21' "$run/metrics.jsonl" || fail "a dropped trial went on"
# Where the runs are there in full already, the same is chosen, and nothing trained.
SCANLINE_RUNS=$folder/plain sweep 0 "^2 done, 4 dropped" d=16 --method halving --rungs 2 \
    --over rate=0.03,0.01,0.003,0.001,3e-4,1e-4 --db again.db
columns again.db 1-3,6,8 >a
columns halved.db 1-3,6,8 | cmp - a || fail "halving depends on what is there"

# --- two processes: each trial once ---
export SCANLINE_RUNS=shared
over="--over rate=0.03,0.01,0.003 --over train.seed=1..4"
# shellcheck disable=SC2086
"$scanline" sweep $model d=16 --jobs 2 $over --db shared.db >first 2>first.err &
process=$!
# shellcheck disable=SC2086
sweep 0 "^12 done" d=16 $over --db shared.db
cp err second.err
wait $process || fail "the first of two processes: exit code $?"
process=
cmp first out || fail "two processes show different results"
[ "$(runs)" = 12 ] || fail "two processes made $(runs) runs of 12 trials"
[ "$(cat first.err second.err | grep -c '^trial [0-9]*: ')" = 12 ] || fail "trials were begun twice"
[ "$(grep -c '^trial [0-9]*: ' first.err)" -lt 12 ] || fail "one process did all"

# --- killed at any moment, and given again ---
export SCANLINE_RUNS=cut
lines() { cat cut/0*/metrics.jsonl 2>/dev/null | wc -l; }
killed=0
for round in 1 2 3; do
    enough=$(($(lines) + 40 * round))
    # shellcheck disable=SC2086
    "$scanline" sweep $model d=16 --jobs 2 $over --db cut.db >out 2>err &
    process=$!
    while [ "$(lines)" -lt $enough ] && kill -0 $process 2>/dev/null; do :; done
    if kill -9 $process 2>/dev/null; then killed=$((killed + 1)); fi
    wait $process 2>/dev/null
    process=
done
[ $killed -ge 2 ] || fail "only $killed of 3 rounds met a running sweep"
# shellcheck disable=SC2086
sweep 0 "^12 done" d=16 $over --db cut.db
[ "$(runs)" = 12 ] || fail "there are $(runs) runs of 12 trials"
table shared.db >a && table cut.db >b
cmp a b || fail "the results are others after kills"
for trial in 1 7 12; do
    same "$(SCANLINE_RUNS=shared run_of shared.db $trial)" "$(run_of cut.db $trial)"
done
"$scanline" sweep export csv shared.db --metrics >a && "$scanline" sweep export csv cut.db --metrics >b
cmp a b || fail "the database has other metrics after kills"

# --- a signal: trials save; one whose process dies is kept with that reason, and the others go on ---
export SCANLINE_RUNS=stopped
"$scanline" sweep digits layers=1 d=16 h=2 train.steps=100000 --over train.seed=1,2 --jobs 2 --db stopped.db >out 2>err &
process=$!
while ! { [ -s "$(echo stopped/0001-*)/timing.jsonl" ] && [ -s "$(echo stopped/0002-*)/timing.jsonl" ]; } && kill -0 $process; do sleep 0.05; done
kill -9 "$(cat "$(echo stopped/0002-*)/lock")"
while ! grep -q failed err && kill -0 $process; do sleep 0.05; done
kill -TERM $process
code=0
wait $process || code=$?
process=
[ $code = 75 ] || fail "SIGTERM: exit code $code"
expect 0 "^trial . failed: its process was ended by signal 9" sweep show stopped.db
expect 0 "^1 waiting, 1 failed" sweep show stopped.db
grep -q '"state": "stopped"' stopped/0001-*/run.json || fail "the trial did not save"

# --- parts, each with a database of its own; together they are the whole ---
export SCANLINE_RUNS=parts
# shellcheck disable=SC2086
sweep 0 "^6 done, 6 elsewhere" d=16 $over --part 0/2 --db part-0.db
# shellcheck disable=SC2086
sweep 0 "^6 done, 6 elsewhere" d=16 $over --part 1/2 --db part-1.db
expect 0 "part-1.db is merged" sweep merge whole.db part-0.db part-1.db
expect 0 "part-0.db is merged" sweep merge whole.db part-0.db
table shared.db >a && table whole.db >b
cmp a b || fail "the parts are not the whole"
# shellcheck disable=SC2086
sweep 0 "^12 done" d=16 $over --db whole.db
expect 1 "are of different sweeps" sweep merge whole.db grid.db
expect 1 "is a part itself" sweep merge part-0.db part-1.db
# shellcheck disable=SC2086
sweep 1 "is for part 0 of 2" d=16 $over --db part-0.db

# --- databases that are not what they should be ---
# put FILE OFFSET BYTES: as printf has them
put() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
sweep 1 "is of another sweep" d=16 --over rate=0.1,0.2 --db grid.db
# shellcheck disable=SC2086
sweep 1 "of another spec, or with other settings" d=32 $over --db shared.db
echo "this is no database, but a text of some length: a hundred bytes are what the header of one has, so here are more" >text.db
cp text.db kept
sweep 1 "is not a database" d=16 --over rate=0.1,0.2 --db text.db
cmp text.db kept || fail "what is no database was changed"
cp grid.db newer.db && put newer.db 60 '\000\000\000\002'
expect 1 "made by a newer scanline" sweep show newer.db
sweep 1 "made by a newer scanline" d=16 --over rate=0.1,0.2 --db newer.db
cp grid.db foreign.db && put foreign.db 68 '\001\002\003\004'
sweep 1 "not of a sweep" d=16 --over rate=0.1,0.2 --db foreign.db
cp grid.db tables.db
offset=$(LC_ALL=C grep -abo 'CREATE TABLE trials' tables.db | head -1 | cut -d: -f1)
put tables.db $((offset + 13)) 'TRIALS'
expect 1 "its tables are not those\|is damaged" sweep show tables.db
cp grid.db damaged.db
for page in 3 4 5 6; do put damaged.db $((page * 4096 + 3)) '\377\377\377\377\377\377\377\377'; done
expect 1 "is damaged" sweep show damaged.db
head -c 10000 grid.db >short.db
expect 1 "is damaged\|is not a database" sweep show short.db
expect 1 "there is no sweep in nowhere.db" sweep show nowhere.db
: >empty.db
expect 1 "empty.db is empty" sweep show empty.db

# --- refused before anything is made ---
export SCANLINE_RUNS=refused
sweep 1 "did you mean 'rate'" d=16 --over rat=0.1
sweep 1 "second value" d=16 --over d=16,32
sweep 2 "the value 0.1 twice" d=16 --over rate=0.1,0.1
sweep 2 "has rate twice" d=16 --over rate=0.1 --over rate=0.2
sweep 2 "no end of values" d=16 --over rate=0.1..0.2
sweep 2 "is no key with values" d=16 --over rate
sweep 2 "takes 1 to" d=16 --over rate=
sweep 2 "goes from a number to one" d=16 --over train.seed=3..1
sweep 2 "grid, random or halving" d=16 --over rate=0.1 --method best
sweep 2 "of draws" d=16 --over rate=0.1 --trials 3
sweep 2 "hardly 3 different" d=16 --over rate=0.1,0.2 --method random --trials 3
sweep 2 "can't be done in parts" d=16 --over rate=0.1 --method halving --part 0/2
sweep 1 "can't be compared" d=16 --over train.objective=ar,bert --method halving
expect 1 "nothing to be halved" sweep digits train.steps=10 train.evaluate=50 --over rate=0.1 --method halving
sweep 1 "judged on the validation split" d=16 data.validation=0 --over rate=0.1
sweep 2 "takes a part, from 0" d=16 --over rate=0.1 --part 2/2
sweep 2 "goes with --slurm" d=16 --over rate=0.1 --sbatch --time=1
expect 1 "nothing to sweep" sweep gpt2 d=16
expect 2 "exported as csv" sweep export json grid.db
[ ! -e refused ] || fail "a refused sweep left something: $(ls refused)"
