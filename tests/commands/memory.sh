# Training in less memory computes more, and gives the same bits; what is too little is refused, and
# what is named instead is enough.
# usage: memory.sh SCANLINE
. "$(dirname "$0")/common.sh"
set -e
model="digits layers=4 d=32 h=2 train.batch=32 train.steps=100 train.evaluate=50 train.checkpoint=20"
settings="$model train.chunks=2"

# shellcheck disable=SC2086 # a list of words
check() { "$scanline" check $settings --threads 1 "$@"; }
# shellcheck disable=SC2086
train() { "$scanline" train $settings --threads 1 "$@" >/dev/null 2>&1; }
number() { sed -n "s/^ *\"$1\": \([0-9.e+]*\),*\$/\1/p" | head -n 1; }

plain=$(check --json | number peak_bytes)
[ "$(check --json | number share)" = 0.0 ] || fail "something is computed again without need"

code=0
check --memory 2M 2>refused || code=$?
[ $code = 1 ] || fail "2M: exit code $code"
least=$(sed -n 's/.*it takes at least \([0-9]*M\).*/\1/p' refused)
[ -n "$least" ] || fail "$(cat refused)"
small=$(check --memory "$least" --json | number peak_bytes)
[ "$small" -lt $((plain * 3 / 4)) ] || fail "$small bytes are not much less than $plain"
check train.memory="$least" | grep -q 'more work.*to compute again' || fail "nothing is said of the work"
check --memory "$least" --verify >/dev/null

# The weights are what comes last in a file of parameters.
weights=$(($(check --json | number parameters) * 4))
same_weights() {
    cmp whole/metrics.jsonl "$1/metrics.jsonl"
    tail -c $weights whole/checkpoints/best.safetensors >expected
    tail -c $weights "$1/checkpoints/best.safetensors" | cmp - expected
}
train --out whole
train --out little --memory "$least"
same_weights little
grep -q "memory = \"$least\"" little/spec.scan || fail "the run does not say its memory"

# It is reproduced, in the memory that it was trained in and in another.
"$scanline" reproduce little --threads 1 >/dev/null 2>&1 || fail "it is not reproduced"
"$scanline" reproduce little --threads 1 --memory 1G >/dev/null 2>&1 || fail "it is not reproduced in 1G"

# It goes on with the memory that it was begun with, or with another.
for memory in "" "--memory 1G"; do
    rm -rf cut
    # shellcheck disable=SC2086
    "$scanline" train $settings --threads 1 --out cut --memory "$least" >/dev/null 2>&1 &
    process=$!
    while [ ! -f cut/checkpoints/last.safetensors ] && kill -0 $process 2>/dev/null; do sleep 0.02; done
    kill -9 $process 2>/dev/null || true
    wait $process 2>/dev/null || true
    process=
    # shellcheck disable=SC2086
    "$scanline" train --resume cut --threads 1 $memory >/dev/null 2>&1
    same_weights cut
done

# The same where a batch is one chunk, whose gradients are used up one by one.
settings="$model train.chunks=1"
code=0
check --memory 1M 2>refused || code=$?
[ $code = 1 ] || fail "1M: exit code $code"
least=$(sed -n 's/.*it takes at least \([0-9]*M\).*/\1/p' refused)
rm -rf whole little
train --out whole
train --out little --memory "$least"
same_weights little
"$scanline" reproduce little --threads 1 --memory 1G >/dev/null 2>&1 || fail "it is not reproduced in 1G"
