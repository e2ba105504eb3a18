# Another table of choices: what is wrong with it is told with its place; a run that it compiled is in no doubt of it.
# usage: table.sh SCANLINE
. "$(dirname "$0")/common.sh"
settings="digits layers=1 d=16 h=2 train.steps=4 train.evaluate=2 train.checkpoint=2"

names="target depth_block group_rows kept_kib few_panels many_panels in_place_kib height vectors attention_rows score_block score_kib"
numbers="64 50 100 2 3 64 5 2 40 32 8"
# native is like one of these, whatever the CPU
for target in x86-64-v4 x86-64-v3 x86-64-v2 generic; do echo "$target $numbers"; done >lines
{ echo "# odd"; echo "$names"; cat lines; } >odd.table
{ echo "$names"; sed 's/ 64 50 / 65 50 /; s/ 5 2 / 80 2 /' lines; } >bad.table
{ echo "$names"; echo "pdp-11 $numbers"; } >other.table

expect 1 "bad.table:2:11: error: depth_block is a number from 16 to 4096, a multiple of 16" check digits --table bad.table
expect 1 "bad.table:5:.*: error: height is a number from 1 to 30" check digits --table bad.table
expect 1 '"line":2,"column":11' check digits --table bad.table --json
expect 1 "cannot read none.table" check digits --table none.table
expect 1 "no line for" check digits --table other.table

# shellcheck disable=SC2086 # a list of words
expect 0 "" train $settings --out shipped
# shellcheck disable=SC2086
expect 0 "" train $settings --out odd --table odd.table
grep -q '"table": "[0-9a-f]\{32\}"' odd/run.json || fail "run.json has no table"
[ "$(grep '"table"' odd/run.json)" != "$(grep '"table"' shipped/run.json)" ] || fail "two tables have one hash"
expect 1 "the table of choices of the run is" train --resume odd
expect 1 "the table of choices of the run is" reproduce odd
expect 1 "the table of choices of the run is" reproduce shipped --table odd.table
expect 0 "odd is reproduced" reproduce odd --table odd.table
expect 0 "shipped is reproduced" reproduce shipped

# The checkpoint knows it too.
sed -i '/"table"/d' odd/run.json
expect 1 "compiled by another table of choices" train --resume odd
expect 0 "" train --resume odd --table odd.table
