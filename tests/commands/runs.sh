# What happens around a run: locks, the log, a full disk, a kill at any moment.
# usage: runs.sh SCANLINE
. "$(dirname "$0")/common.sh"
settings="digits layers=1 d=16 h=2 train.evaluate=10 train.checkpoint=10"

# --- one process at a time ---
# shellcheck disable=SC2086 # a list of words
"$scanline" train $settings train.steps=1000000 >out 2>err &
process=$!
while [ ! -f runs/0001-*/checkpoints/last.safetensors ] && kill -0 $process; do sleep 0.05; done
"$scanline" runs | grep -q '1  running' || fail "runs does not say that it is running"
expect 3 "process $process is training or reproducing" train --resume 1
"$scanline" runs | grep -q '1  running' || fail "the second one changed the state"
kill -9 $process
wait $process 2>/dev/null
process= # its number may be given again
"$scanline" runs | grep -q '1  killed' || fail "runs does not say that it was killed"
"$scanline" train --resume 1 >out 2>err &
process=$!
while ! grep -q "going on after step" runs/0001-*/log.txt && kill -0 $process; do sleep 0.05; done
kill -TERM $process
wait $process
[ $? = 75 ] || fail "a lock was left by a process that is dead"
process=

# --- the log ---
log=$(echo runs/0001-*/log.txt)
for line in "Z scanline train digits layers=1" "Z step  *10/1000000  train .* validation" "Z going on after step" \
    "Z ended with exit code 75: stopped by signal 15"; do
    grep -q "$line" "$log" || fail "no line like '$line' in the log: $(cat "$log")"
done
[ "$(grep -cv '^[0-9-]*T[0-9:]*Z ' "$log")" = 0 ] || fail "lines without a time: $(cat "$log")"

# --- killed while it is made, and at once after ---
round=0
while [ $round -lt 6 ]; do
    SCANLINE_RUNS=young "$scanline" train digits layers=1 d=16 h=2 >out 2>err &
    process=$!
    sleep 0.0$((round * 3))
    kill -9 $process 2>/dev/null
    wait $process 2>/dev/null
    process= # its number may be given again
    round=$((round + 1))
done
for run in young/*; do
    [ ! -d "$run" ] || { [ -f "$run/run.json" ] && [ -f "$run/spec.scan" ]; } || fail "$run is half a run"
done

# --- a disk that is full ---
# shellcheck disable=SC2086
"$scanline" train $settings train.steps=60 --out whole >out 2>err || fail "training failed"

# full RUN LIMIT FILE: goes on where no file can have more than LIMIT blocks of 512 bytes, which is
# too little for FILE; then anywhere
full() {
    (ulimit -f "$2" && SCANLINE_CACHE=off "$scanline" train --resume "$1" >out 2>err)
    [ $? = 3 ] || fail "$1: a full disk gave another exit code"
    grep -q "cannot write .*$3.*File too large" err || fail "$1: the error does not say why"
    cmp before.safetensors "$1/checkpoints/last.safetensors" || fail "$1: the last checkpoint changed"
    [ -z "$(find "$1" -name '*.tmp-*' -o -name '*.new')" ] || fail "$1: temporary files are left"
    "$scanline" train --resume "$1" >out 2>err || fail "$1: it could not be resumed"
    same whole "$1"
}

# What a run is after 20 of its steps.
cp -r whole begun
rm begun/checkpoints/step-0000[3-6]0.safetensors begun/checkpoints/best.safetensors
ln -f begun/checkpoints/step-000020.safetensors begun/checkpoints/last.safetensors
cp begun/checkpoints/last.safetensors before.safetensors
sed -i '/"step": 2[1-9]\|"step": [3-6][0-9]/d' begun/metrics.jsonl
sed -i 's/"state": "done"/"state": "running"/' begun/run.json
cp -r begun checkpoint
cp -r begun metrics
size=$(wc -c <begun/metrics.jsonl)
full checkpoint 40 safetensors
full metrics $((size / 512 + 1)) metrics.jsonl

# The same, on a small file system where that can be made.
if command -v unshare >/dev/null && unshare -rm true 2>/dev/null; then
    mkdir small
    cp -r begun room
    kilobytes=$(($(du -sk room | cut -f1) + $(wc -c <before.safetensors) / 2048))
    unshare -rm sh -c "mount -t tmpfs -o size=${kilobytes}k none small && cp -r begun small/run &&
        SCANLINE_CACHE=off $scanline train --resume small/run >out 2>err; echo \$? >code; cp -r small/run full" || fail "no small file system"
    [ "$(cat code)" = 3 ] || fail "a full file system: exit code $(cat code)"
    grep -q "No space left" err || fail "the error does not say that the disk is full"
    cmp before.safetensors full/checkpoints/last.safetensors || fail "the last checkpoint changed"
    "$scanline" train --resume full >out 2>err || fail "it could not be resumed"
    cmp whole/metrics.jsonl full/metrics.jsonl || exit 1
    cmp whole/checkpoints/last.safetensors full/checkpoints/last.safetensors || exit 1
else
    echo "no file system can be mounted here: that part is left out"
fi
# A run that can't be begun leaves nothing.
(ulimit -f 1 && SCANLINE_CACHE=off "$scanline" train digits --out nothing >out 2>err)
[ $? = 3 ] || fail "a run was begun on a full disk"
[ ! -e nothing ] || fail "what could not be begun was left"
[ -z "$(find . -maxdepth 1 -name '.scanline*')" ] || fail "a draft was left"
