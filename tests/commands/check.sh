# The paper's models have exactly so many parameters, and checking them takes a moment.
# usage: check.sh SCANLINE
. "$(dirname "$0")/common.sh"
set -e

# parameters MODEL COUNT
parameters() {
    found=$("$scanline" check "$1" --json | sed -n 's/^  "parameters": \([0-9]*\),*$/\1/p')
    [ "$found" = "$2" ] || fail "$1 has $found parameters, not $2"
}

parameters igpt-s 76571648
parameters igpt-m 455157760
parameters igpt-l 1362250752
parameters igpt-xl 6801438720
for objective in ar bert; do
    "$scanline" check digits train.objective=$objective --json | grep -q '"first_loss": 2.8332133' ||
        fail "the first $objective loss is not ln 17"
done
"$scanline" check digits layers=1 --verify > /dev/null
"$scanline" check gpt2 > /dev/null
"$scanline" check window > /dev/null

# A window leaves less work than the causal mask that it narrows; and a causal mask is a half, as before.
flops() {
    "$scanline" check "$@" --json | sed -n 's/^  "flops_per_step": \([0-9.]*\),*$/\1/p'
}
[ "$(flops igpt-s)" = 69475390980096.0 ] || fail "igpt-s: $(flops igpt-s) operations"
[ "$(flops digits)" = "$(flops window rows=7)" ] || fail "a window of all rows is not the causal mask"
[ "$(flops window)" = 7604797440.0 ] || fail "window: $(flops window) operations"
