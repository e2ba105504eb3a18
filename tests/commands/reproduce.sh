# A run is reproduced, however it ended; a change of a bit in what it kept is found, and named.
# usage: reproduce.sh SCANLINE
. "$(dirname "$0")/common.sh"
settings="digits layers=1 d=16 h=2 train.evaluate=10 train.checkpoint=10"

# flip FILE OFFSET: another lowest bit of the byte at OFFSET from the end
flip() {
    size=$(wc -c <"$1")
    byte=$(tail -c "$2" "$1" | head -c 1 | od -An -tu1 | tr -d ' ')
    changed=$((byte % 2 ? byte - 1 : byte + 1))
    cp "$1" changed # a name of its own: last and step-N are one file
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o $changed)" | dd of=changed bs=1 seek=$((size - $2)) conv=notrunc 2>/dev/null
    mv changed "$1"
}

# shellcheck disable=SC2086 # a list of words
"$scanline" train $settings train.steps=40 --out whole --threads 2 >out 2>err || fail "training failed"
expect 0 "whole is reproduced, to step 40: 45 lines of metrics.jsonl and 5 checkpoints" reproduce whole
[ ! -e whole/reproduction ] || fail "what is equal was left there"
expect 0 '"difference": null' reproduce whole --json
expect 0 "what was trained here is in again" reproduce whole --out again
cmp whole/metrics.jsonl again/metrics.jsonl || exit 1

# A figure of a line, a line that is missing, one too many.
cp -r whole line
sed -i 's/"step": 13, "split": "train", "loss": 2/"step": 13, "split": "train", "loss": 3/' line/metrics.jsonl
expect 5 "first after step 13, in metrics.jsonl: train loss is 3.* in the run and 2" reproduce line
[ -f line/reproduction/metrics.jsonl ] || fail "what differs was not kept"
expect 5 '"step": 13' reproduce line --json
cp -r whole short
sed -i '/"step": 22,/d' short/metrics.jsonl
expect 5 "first after step 22, in metrics.jsonl" reproduce short
cp -r whole long
echo '{"step": 40, "split": "validation", "loss": 1}' >>long/metrics.jsonl
expect 5 "after step 40, in metrics.jsonl: the line is .* and no such line here" reproduce long

# A bit of a state in the middle, of the last checkpoint, and of the best.
cp -r whole middle
flip middle/checkpoints/step-000020.safetensors 1
expect 5 "after step 20, in checkpoints/step-000020.safetensors: ln_f.g:b\[15\]" reproduce middle
cp -r whole end
flip end/checkpoints/last.safetensors 1
expect 5 "after step 40, in checkpoints/last.safetensors: ln_f.g:b\[15\]" reproduce end
cp -r whole best
flip best/checkpoints/best.safetensors 1
expect 5 "checkpoints/best.safetensors: ln_f.g\[15\]" reproduce best

# What can't be equal is not tried.
expect 1 "target" reproduce whole --target x86-64-v2
cp -r whole spec
sed -i 's/^  steps = 40/  steps = 50/' spec/spec.scan
expect 1 "spec.scan" reproduce spec
cp -r whole data
sed -i 's/"split": "./"split": "x/' data/run.json
expect 1 "split" reproduce data
cp -r whole elsewhere
sed -i 's/"target": ".*"/"target": "z80"/' elsewhere/run.json
expect 1 "z80" reproduce elsewhere
cp -r whole older
sed -i 's/"llvm": ".*"/"llvm": "3.0.0"/' older/run.json
expect 0 "warning: the run was begun by scanline .* with LLVM 3.0.0" reproduce older

# Ended by patience, by divergence, by a signal, by a kill.
# shellcheck disable=SC2086
"$scanline" train $settings train.steps=200 train.patience=1 "train.update=adam(lr=0)" --out early >out 2>err || fail "training failed"
grep -q '"state": "done early"' early/run.json || fail "patience did not end it"
expect 0 "patience ended after step 10" reproduce early
# shellcheck disable=SC2086
"$scanline" train $settings train.steps=40 "train.update=adam(lr=1e30)" --out diverged >out 2>err
expect 0 "it diverged after step 2, here too" reproduce diverged
sed -i 's/"state": "diverged"/"state": "done"/' diverged/run.json
expect 5 "the end is no divergence in the run and a divergence after step" reproduce diverged
# shellcheck disable=SC2086
"$scanline" train $settings train.steps=1000000 --out stopped >out 2>err &
process=$!
while [ ! -f stopped/checkpoints/last.safetensors ] && kill -0 $process; do sleep 0.05; done
kill -TERM $process
wait $process
[ $? = 75 ] || fail "SIGTERM did not stop it"
process=
expect 0 "stopped by a signal after step" reproduce stopped
stop_in_evaluation within 1 digits layers=4 d=128 train.steps=2 train.evaluate=1 data.validation=40% --out within
expect 0 "within is reproduced, to step 1: 2 lines of metrics.jsonl and 2 checkpoints" reproduce within
# shellcheck disable=SC2086
"$scanline" train $settings train.steps=1000000 --out killed >out 2>err &
process=$!
while [ ! -f killed/checkpoints/last.safetensors ] && kill -0 $process; do sleep 0.05; done
expect 3 "process $process is training or reproducing killed" reproduce killed
kill -9 $process
wait $process 2>/dev/null
process= # its number may be given again
expect 0 "compared as far as it is kept" reproduce killed
rm -r killed/checkpoints
mkdir killed/checkpoints
printf '%s' "$(sed -n 1,12p killed/metrics.jsonl)" >killed/metrics.jsonl # and half a line
expect 0 "is reproduced, to step [0-9]*: [1-9]" reproduce killed
: >killed/metrics.jsonl
expect 1 "no record of any step" reproduce killed
