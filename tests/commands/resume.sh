# Killed at random moments and resumed, with one thread and with two: the same bytes as uninterrupted.
# usage: resume.sh SCANLINE [ROUNDS]
. "$(dirname "$0")/common.sh"
set -e
rounds=${2:-4} least=2
if [ -n "$sanitized" ]; then rounds=2 least=1; fi
settings="digits layers=2 d=32 h=2 train.steps=300 train.evaluate=50 train.checkpoint=10"

# shellcheck disable=SC2086 # a list of words
"$scanline" train $settings --out whole --threads 2 >/dev/null 2>&1
# shellcheck disable=SC2086
"$scanline" train $settings --out single --threads 1 >/dev/null 2>&1
same whole single

# shellcheck disable=SC2086
"$scanline" train $settings --out cut >/dev/null 2>&1 &
process=$!
while [ ! -f cut/run.json ]; do sleep 0.05; done
round=0
killed=0
while [ $round -lt "$rounds" ]; do
    sleep "$(awk -v seed=$round 'BEGIN { srand(seed + 7); printf "%.2f", 0.1 + rand() / 2 }')"
    if grep -q '"state": "running"' cut/run.json && kill -9 $process 2>/dev/null; then killed=$((killed + 1)); fi
    wait $process 2>/dev/null || true
    round=$((round + 1))
    "$scanline" train --resume cut --threads $((round % 2 + 1)) >/dev/null 2>&1 &
    process=$!
done
wait $process
process=
same whole cut
# A round that comes after the end shows nothing.
[ $killed -ge $least ] || fail "only $killed of $rounds rounds met a running training"
echo "$killed of $rounds rounds killed a running training"

# A signal saves, says so by its exit code, and the rest is the same too.
# shellcheck disable=SC2086
"$scanline" train $settings --out stopped >/dev/null 2>&1 &
process=$!
while ! grep -q train stopped/metrics.jsonl 2>/dev/null && kill -0 $process 2>/dev/null && [ ! -s stopped/timing.jsonl ]; do sleep 0.05; done
kill -TERM $process 2>/dev/null || true
code=0
wait $process || code=$?
process=
[ $code = 75 ] || [ $code = 0 ] || fail "SIGTERM: exit code $code"
[ $code = 0 ] || "$scanline" train --resume stopped >/dev/null 2>&1
same whole stopped

# In an evaluation that takes much longer than a step the run stops too, and begins with it when it goes on.
settings="digits layers=4 d=128 train.steps=2 train.evaluate=1 data.validation=40%"
# shellcheck disable=SC2086
"$scanline" train $settings --out evaluated >/dev/null 2>&1
# shellcheck disable=SC2086
stop_in_evaluation left 0 $settings --out left
stop_in_evaluation left 1 --resume left
stop_in_evaluation left 2 --resume left
"$scanline" train --resume left >/dev/null 2>&1
same evaluated left
