#!/bin/sh
# Measures a line of the table of choices for this machine, some minutes on one thread, and compares with OpenBLAS.
#
# usage: sh tests/bench/choose.sh [-s SECONDS] [-c CHOICE] [-t TABLE] [-o FILE] [RUNG...]     e.g. choose.sh -o mine.table digits tiny
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

bench_build
exec "$build/tests/bench_choose" "$@"
