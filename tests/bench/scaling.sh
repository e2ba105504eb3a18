#!/bin/sh
# Time of a training step against d, n, layers and batch, each doubled three times.
#
# usage: sh tests/bench/scaling.sh [KEY=VALUE...]     e.g. scaling.sh train.precision=bf16
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

bench_build
exec python3 tests/bench/scaling.py --build "$build" --out "$build/scaling.json" "$@"
