#!/bin/sh
# Builds scanline twice, plain and under AddressSanitizer and UBSan, warnings being errors, and runs every test.
#
# usage: sh tests/run.sh [--yes]      --yes: install what is missing without asking
set -eu
cd "$(dirname "$0")/.."
. .ci/setup.sh

# shellcheck disable=SC2086 # lists of words
setup_packages $build_packages $test_packages
: "${SCANLINE_DATA:=$PWD/../shared/data}"
export SCANLINE_DATA
[ -d "$SCANLINE_DATA" ] || echo "There is no data folder $SCANLINE_DATA: the tests that read real images are skipped."

# Kernels compiled by the tests go to a cache of their own.
SCANLINE_CACHE=$(mktemp -d)
export SCANLINE_CACHE
trap 'rm -rf "$SCANLINE_CACHE"' EXIT INT TERM

# Tests run side by side, and some wait for others (signals, a scheduler): threads that wait leave the cores to them.
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY

test_build() {
    echo "== $1"
    shift
    setup_build "$@"
    ctest --test-dir "$1" --output-on-failure -j "$(($(nproc) + 1))"
}

test_build "plain" build -DSCANLINE_WERROR=ON -DSCANLINE_TESTS=ON
# LLVM and Criterion keep what they allocate for the whole process, so leaks are not looked for.
# What is freed is kept for a while, to find who uses it then: 16 MB of it a process, as 256 take LLVM's tests a tenth longer.
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS UBSAN_OPTIONS
test_build "sanitizers" build-sanitize -DSCANLINE_WERROR=ON -DSCANLINE_TESTS=ON -DSCANLINE_SANITIZE=ON
