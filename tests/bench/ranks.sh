#!/bin/sh
# A training step by ranks on this machine, one thread each, beside one rank with as many threads, over shared memory and
# over TCP on the loopback device. README.md says what the figures mean.
#
# usage: sh tests/bench/ranks.sh [-s STEPS] [SPEC...]        e.g. ranks.sh -s 20 digits tests/bench/rungs/tiny.scan
#
#   RANKS    the numbers of ranks ("2", or as many powers of two as there are cores); a spec needs a data set
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

steps=60
if [ "${1:-}" = -s ]; then
    steps=$2
    shift 2
fi
[ $# -gt 0 ] || set -- digits "digits d=256 h=8"
command -v mpirun >/dev/null || {
    echo "there is no mpirun (Debian: openmpi-bin)" >&2
    exit 3
}
ninja -C "$build" scanline scanline_mpi >&2
cores=$(nproc)
ranks=
for count in 2 4 8 16; do
    [ "$count" -gt "$cores" ] || ranks="$ranks $count"
done
: "${RANKS:=${ranks:-2}}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

# figure NAME: "NAME": FIGURE of the profile, at its first place
figure() {
    sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" "$folder/json" | head -1
}

# measure LABEL THREADS COMMAND...: milliseconds a step, and of these those that rank 0 waits for the sum
measure() {
    label=$1 threads=$2
    shift 2
    rm -rf "$folder/run"
    # shellcheck disable=SC2086 # a list of words
    "$@" train $spec train.steps="$steps" train.evaluate=1000000 train.checkpoint=1000000 data.validation=0 \
        --threads "$threads" --profile --json --out "$folder/run" >"$folder/json" 2>"$folder/err" || {
        cat "$folder/err" >&2
        exit 1
    }
    sed -n '/"profile"/,$p' "$folder/json" >"$folder/profile"
    mv "$folder/profile" "$folder/json"
    waiting=$(grep -A 1 '"what": "waiting for the sum over ranks"' "$folder/json" | sed -n 's/.*"seconds": \([0-9.e-]*\).*/\1/p')
    awk -v label="$label" -v seconds="$(figure seconds)" -v steps="$(figure steps)" -v waiting="${waiting:-0}" \
        'BEGIN { printf "  %-34s %9.2f ms a step, of these %8.2f ms waiting for the sum\n",
                 label, 1000 * seconds / steps, 1000 * waiting / steps }'
}

scanline=$build/scanline
for spec; do
    echo "$spec"
    measure "alone, 1 thread" 1 "$scanline"
    for count in $RANKS; do
        measure "alone, $count threads" "$count" "$scanline"
        for device in vader tcp; do
            measure "$count ranks, $device" 1 mpirun --allow-run-as-root --oversubscribe --quiet --mca btl "self,$device" \
                -n "$count" "$scanline"
        done
    done
done
