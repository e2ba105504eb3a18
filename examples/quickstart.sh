#!/bin/sh
# From nothing to a trained, probed and sampled image GPT: installs what is missing, builds, trains models/digits.scan on
# the 1,797 digits that come along, and shows what the layers have learnt.
#
# usage: sh examples/quickstart.sh [--yes]      --yes: install what is missing without asking
set -eu
cd "$(dirname "$0")/.."
. .ci/setup.sh

# shellcheck disable=SC2086 # a list of words
setup_packages $build_packages
setup_build build
# Shifts by a pixel make features that a probe can use: without them no layer is better than the first.
build/scanline train digits data.augment=shift
build/scanline probe @last
build/scanline sample @last
build/scanline complete @last
