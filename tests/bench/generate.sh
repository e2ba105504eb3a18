#!/bin/sh
# Drawing whole images beside transformers' ImageGPT (`generate` with its cache), in turn on the same machine. README.md says
# what the figures mean.
#
# usage: sh tests/bench/generate.sh [OPTION...] [RUNG] [IMAGES] [DTYPES]     e.g. generate.sh S 1,8 f32
#
#   RUNG     of digits,tiny,small,S (S)       IMAGES  side by side (1,8)       DTYPES   of f32,bf16 (both)
#   --turns N        so many of each side (3)
#   --positions N    not whole images, but their first N positions
#   --out FILE       figures as JSON ($BUILD/generate.json)
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

turns=3 positions=0 out=$build/generate.json
while [ $# -gt 0 ]; do
    case $1 in
    --turns | --positions | --out)
        [ $# -gt 1 ] || usage
        case $1 in
        --turns) turns=$2 ;;
        --positions) positions=$2 ;;
        --out) out=$2 ;;
        esac
        shift
        ;;
    -*) usage ;;
    *) break ;;
    esac
    shift
done
[ $# -le 3 ] || usage

bench_build
bench_python transformers
exec "$python" tests/bench/generate.py --build "$build" --torch "$python" --turns "$turns" --positions "$positions" --out "$out" \
    "${1:-S}" "${2:-1,8}" "${3:-f32,bf16}"
