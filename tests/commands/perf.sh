# --perf-map: every kernel's functions with their lines of the spec, in a file that nobody else can have put there.
# usage: perf.sh SCANLINE
mlp=$(cd "$(dirname "$0")/../specs" && pwd)/mlp.scan
. "$(dirname "$0")/common.sh"

small="digits layers=1 d=16 h=2 train.steps=1 train.batch=4"

# run BEFORE WORD...: `train WORD...` after BEFORE, a command in which $$ is the number of the process
run() {
    before=$1
    shift
    rm -rf made
    # shellcheck disable=SC2016 # for the inner shell
    sh -c 'echo $$ >number; '"$before"'; exec "$0" train "$@" --out made' "$scanline" "$@" >out 2>err || fail "train failed"
    map=/tmp/perf-$(cat number).map
}

run : "$mlp" train.steps=1
[ ! -e "$map" ] || fail "a map without being asked"

# What an earlier process has left under the same name goes.
# shellcheck disable=SC2016,SC2086 # for the inner shell; words
run 'echo "0 1 stale" >/tmp/perf-$$.map; touch -d 2020-01-01 /tmp/perf-$$.map' $small --perf-map
[ -f "$map" ] || fail "there is no $map"
mv "$map" map
[ "$(stat -c %a map)" = 600 ] || fail "others can read the map"
grep -q stale map && fail "an earlier map stays"
# shellcheck disable=SC2086 # words
"$scanline" compile $small --emit plan >plan
grep -o '"symbol":"[a-z_]*_[0-9a-f]*"' plan | cut -d'"' -f4 | sed 's/........$//' | sort -u >kernels
[ -s kernels ] || fail "there are no kernels in the plan"
awk '{ print $3 }' map | grep -v '\.' | sort -u >named
cmp kernels named || fail "the map names other kernels than the plan"
grep -q "^[0-9a-f]* [0-9a-f]* contract_[0-9a-f]*\.tiles igpt.scan:34,35,36$" map || fail "there is no line of the products in lines 34 to 36"
grep -q "^[0-9a-f]* [0-9a-f]* loop_[0-9a-f]* adam.scan:" map || fail "there is no line of the update"
sort -k 1,1 map | awk '
    function number(text,    value, i) {
        for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
        return value
    }
    {
        first = number($1); size = number($2)
        if (first == 0 || size == 0 || first < last) { print "line " NR ": " $0; failed = 1 }
        last = first + size
    }
    END { exit failed }' || fail "functions are nowhere, or overlap"

# A link that somebody put there is not followed, and the training goes on.
echo precious >victim
# shellcheck disable=SC2016 # for the inner shell
run 'ln -s "$PWD/victim" /tmp/perf-$$.map' "$mlp" train.steps=1 --perf-map
rm -f "$map"
grep -q "perf will not know the kernels" err || fail "nothing is said about the link"
[ "$(cat victim)" = precious ] || fail "the link was followed"
exit 0
