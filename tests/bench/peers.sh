#!/bin/sh
# A training step of scanline beside PyTorch's, in turn on the same machine. README.md says what the figures mean.
#
# usage: sh tests/bench/peers.sh [OPTION...] [RUNGS] [DTYPES]     e.g. peers.sh digits,tiny f32
#
#   RUNGS    of digits,tiny,small,S (all)       DTYPES   of f32,bf16 (both)
#   --jax            JAX too
#   --turns N        so many of each side (10, on S 4)
#   --out FILE       figures as JSON ($BUILD/peers.json)
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

jax=no turns=0 out=$build/peers.json
while [ $# -gt 0 ]; do
    case $1 in
    --jax) jax=yes ;;
    --turns | --out)
        [ $# -gt 1 ] || usage
        [ "$1" = --out ] && out=$2 || turns=$2
        shift
        ;;
    -*) usage ;;
    *) break ;;
    esac
    shift
done
[ $# -le 2 ] || usage
rungs=${1:-digits,tiny,small,S} dtypes=${2:-f32,bf16}

modes=eager,compile
if ! command -v gcc >/dev/null || ! command -v g++ >/dev/null; then
    echo "torch.compile needs gcc and g++ (Debian: apt install gcc g++): without them eager is all there is to compare with." >&2
    modes=eager
fi
bench_build
bench_python torch
torch=$python
set -- --build "$build" --torch "$torch" --modes "$modes" --turns "$turns" --out "$out"
if [ "$jax" = yes ]; then
    bench_python jax
    set -- "$@" --jax "$python"
fi
exec "$torch" tests/bench/peers.py "$@" "$rungs" "$dtypes"
