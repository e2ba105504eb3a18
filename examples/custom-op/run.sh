# Builds the library of custom.scan and trains with it. What is changed in ops.c or in the spec is built anew.
# usage: sh examples/custom-op/run.sh [KEY=VALUE and options of train...]
set -eu
cd "$(dirname "$0")"
scanline=${SCANLINE:-../../build/scanline}
command -v "$scanline" >/dev/null || {
    echo "There is no $scanline: build it first (sh examples/quickstart.sh), or say where it is in SCANLINE." >&2
    exit 2
}
"$scanline" check custom.scan --extern-header ops.h   # the prototypes of the extern functions
${CC:-cc} -std=c17 -O2 -Wall -Wextra -ffp-contract=off -fPIC -shared -o libops.so ops.c
"$scanline" train custom.scan "$@"
