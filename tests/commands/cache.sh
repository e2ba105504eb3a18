# The cache of compiled kernels: whatever happens to it, results are the same, and nothing fails.
# usage: cache.sh SCANLINE
. "$(dirname "$0")/common.sh"
set -e
settings="digits layers=1 d=16 h=2 train.batch=8 train.chunks=1 train.steps=4 train.evaluate=4 train.checkpoint=4"

# train CACHE OUT: what it says goes to OUT.log
train() {
    # shellcheck disable=SC2086 # a list of words
    SCANLINE_CACHE=$1 "$scanline" train $settings --threads 1 --out "$2" >"$2.log" 2>&1 ||
        fail "$2 failed: $(cat "$2.log")"
    [ "$2" = off ] || cmp off/metrics.jsonl "$2/metrics.jsonl"
}
says() { grep -q "$2" "$1.log" || fail "$1 does not say: $2; $(cat "$1.log")"; }

train off off

# Four at once, all cold, while entries are cut short.
touch going
while [ -f going ]; do
    for entry in shared/*.o; do
        if [ -f "$entry" ]; then truncate -s 1000 "$entry" 2>/dev/null || true; fi
    done
    sleep 0.02
done &
spoiler=$!
processes=""
for name in a b c d; do
    train "$folder/shared" $name &
    processes="$processes $!"
done
failed=0
for each in $processes; do wait "$each" || failed=1; done
rm going
wait $spoiler
[ $failed = 0 ] || fail "one of four failed: $(cat ./*.log)"
[ -z "$(find shared -name 'tmp-*')" ] || fail "temporary files are left"
[ "$(stat -c %a shared)" = 700 ] || fail "others may look into the cache"

# A damaged entry is told of, and is whole again after.
entry=$(find shared -name '*.o' | head -n 1)
train "$folder/shared" whole
truncate -s 1000 "$entry"
train "$folder/shared" damaged
says damaged "1 damaged entries"
train "$folder/shared" repaired
! grep -q warning repaired.log || fail "$(cat repaired.log)"

# Where there can be no cache, or others might have filled it, there is a warning.
touch file
train "$folder/file/cache" nowhere
says nowhere "warning: .*Not a directory"
chmod 777 shared
train "$folder/shared" open
says open "warning: .*other users can write"
if [ "$(id -u)" != 0 ]; then
    mkdir closed
    chmod 500 closed
    train "$folder/closed" closed-run
    says closed-run "warning: .*cannot be written"
fi
