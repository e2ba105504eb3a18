# What `scanline explain` predicts for a step of training beside what a step takes, by the peaks of the same run.
#
# usage: sh tests/bench/predicted.sh [RUNG...]      those of rungs/; default: digits tiny small S
set -eu
cd "$(dirname "$0")/../.."
. tests/bench/setup.sh
bench_build
[ $# -gt 0 ] || set -- digits tiny small S
[ "$(cut -d. -f1 /proc/loadavg)" = 0 ] || echo "warning: the machine does other work (load $(cut -d' ' -f1 /proc/loadavg))" >&2

printf '%-8s%14s%14s%14s%12s\n' rung 'predicted ms' 'kernels ms' 'step ms' 'of kernels'
for rung in "$@"; do
    spec=tests/bench/rungs/$rung.scan
    profile=$(echo 'profile 20' | "$build/tests/bench_step" "$spec" 2>&1)
    peaks=$(echo "$profile" | sed -n 's|^profile: .* at most \([0-9]*\) GFLOP/s .*, \([0-9.]*\) GB/s.*|\1G,\2G|p')
    predicted=$("$build/scanline" explain "$spec" --peak "$peaks" --json | sed -n '/^  "all"/,$s/.*"seconds": \([0-9.e-]*\).*/\1/p')
    # "share % seconds us/step ... all kernels"
    kernels=$(echo "$profile" | awk '/all kernels$/ { print $4 }')
    step=$(echo "$profile" | awk '/ all$/ { print $4 }')
    awk -v rung="$rung" -v predicted="$predicted" -v kernels="$kernels" -v step="$step" 'BEGIN {
        printf "%-8s%14.2f%14.2f%14.2f%11.0f %%\n", rung, 1e3 * predicted, 1e-3 * kernels, 1e-3 * step, 1e8 * predicted / kernels
    }'
done
