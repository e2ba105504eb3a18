#!/bin/sh
# A sweep beside the same trials as PyTorch processes, eager and torch.compile, two at a time; and beside itself, one trial
# after the other: these two in turn, three times, for trials of that size and for small ones. README.md says what the
# figures mean.
#
# usage: sh tests/bench/sweep.sh [TRIALS [STEPS]]      default: 24 trials of 200 steps
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

trials=${1:-24} steps=${2:-200} at_a_time=2
bench_build
cmake --build "$build" --target scanline >&2
bench_python torch
modes="eager compile"
if ! command -v gcc >/dev/null || ! command -v g++ >/dev/null; then
    echo "torch.compile needs gcc and g++ (Debian: apt install gcc g++): without them eager is all there is to compare with." >&2
    modes=eager
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SCANLINE_RUNS="$work/runs" SCANLINE_CACHE="$work/cache"

# spec NAME WIDTH HEADS LAYERS BATCH: an image GPT on the digits, whose levels go to 16
spec() {
    cat >"$work/$1.scan" <<SPEC
use "igpt.scan"
use "adam.scan"
dim n = 64, v = 17, d = $2, h = $3, layers = $4, k = 10
const rate = 3e-3
data  { source = digits; validation = 10%; test = 20% }
train { objective = ar; batch = $5; steps = $steps; evaluate = 50; update = adam(lr = rate * warmup(100) * cosine()) }
SPEC
}
spec digits 64 4 4 64 # the rung `digits`, with a colour more
spec small 32 2 2 16
rates=0.01,0.006,0.003,0.002,0.001,0.0006
seeds=$(((trials + 5) / 6))
[ $((seeds * 6)) = "$trials" ] || {
    echo "TRIALS is a multiple of 6: so many rates are tried" >&2
    exit 2
}

now() { date +%s.%N; }

# seconds SPEC OPTION...: of a sweep from nothing: no cache, no runs
seconds() {
    name=$1
    shift
    rm -rf "$work/runs" "$work/cache"
    start=$(now)
    "$build/scanline" sweep "$work/$name.scan" --over rate=$rates --over train.seed=1..$seeds "$@" >"$work/out" 2>"$work/err" || {
        cat "$work/err" >&2
        exit 1
    }
    end=$(now)
    grep -q "^$trials done$" "$work/out" || {
        cat "$work/out" >&2
        exit 1
    }
    echo "$start $end" | awk '{ printf "%.2f", $2 - $1 }'
}

# median SECONDS...; the least one
median() { printf '%s\n' "$@" | sort -n | awk '{ at[NR] = $1 } END { printf "%.2f", (at[int((NR + 1) / 2)] + at[int(NR / 2) + 1]) / 2 }'; }
ratio() { echo "$1 $2" | awk '{ printf "%.2f", $1 / $2 }'; }
least() { printf '%s\n' "$@" | sort -n | head -n 1; }

# both SPEC: its trials side by side and one after the other, in turn; sets side, single
both() {
    sides= singles=
    for _ in 1 2 3; do
        sides="$sides $(seconds "$1")"
        singles="$singles $(seconds "$1" --jobs 1)"
    done
    # shellcheck disable=SC2086 # lists of numbers
    side=$(median $sides) single=$(median $singles)
    # shellcheck disable=SC2086
    echo "$1, side by side:          $side s, $(least $sides) at least ($sides )"
    # shellcheck disable=SC2086
    echo "$1, one after the other:   $single s, $(least $singles) at least ($singles )"
}

both small
small=$(ratio "$single" "$side")
both digits
best=
for mode in $modes; do
    torch=$("$python" tests/bench/torch_sweep.py $mode "$trials" "$steps" $at_a_time)
    echo "PyTorch $mode, $at_a_time at a time:     $torch s"
    best=$(echo "${best:-$torch} $torch" | awk '{ print $1 < $2 ? $1 : $2 }')
done
echo "RATIO sweep $(ratio "$best" "$side") SINGLE $(ratio "$single" "$side") SINGLE-SMALL $small"
