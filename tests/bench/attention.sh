#!/bin/sh
# The attention of the rungs, forward and backward, beside PyTorch's scaled_dot_product_attention, in turn.
#
# usage: sh tests/bench/attention.sh [RUNGS] [DTYPES]     e.g. attention.sh tiny,S f32
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

bench_build
bench_python torch
exec "$python" tests/bench/attention.py --build "$build" --torch "$python" "${1:-digits,tiny,small,S}" "${2:-f32}"
