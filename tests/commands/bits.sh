# The same bits of every parameter after 20 steps: with 1, 2 and 3 threads, in chunks and as a team, from a cold and a
# warm cache, in fp32 and with products of bf16.
# usage: bits.sh SCANLINE
. "$(dirname "$0")/common.sh"
export SCANLINE_CACHE="$folder/cache"

# train NAME THREADS SETTING...: a run in NAME
train() {
    name=$1 threads=$2
    shift 2
    "$scanline" train digits layers=2 train.steps=20 train.evaluate=20 train.checkpoint=20 --threads "$threads" \
        --out "$name" "$@" >out 2>err || fail "training $name failed"
}

# bf16_emulated runs everywhere: where the target has products of bf16 it uses them.
for precision in fp32 bf16_emulated; do
    for chunks in 8 1; do
        settings="train.precision=$precision train.chunks=$chunks"
        rm -rf "$SCANLINE_CACHE"
        # shellcheck disable=SC2086 # a list of words
        train "$precision-$chunks-cold" 2 $settings
        for threads in 1 2 3; do
            # shellcheck disable=SC2086
            train "$precision-$chunks-$threads" "$threads" $settings
            same "$precision-$chunks-cold" "$precision-$chunks-$threads"
        done
    done
done
