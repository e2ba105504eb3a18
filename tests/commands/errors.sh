# Exit codes, and that results go to stdout and everything else to stderr.
# usage: errors.sh SCANLINE
set -u
scanline=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

# expect CODE PATTERN WORD...: the exit code, and a line of stderr
expect() {
    code=$1 pattern=$2
    shift 2
    "$scanline" "$@" >out 2>err
    found=$?
    [ $found = "$code" ] || { echo "scanline $*: exit code $found, not $code"; cat err; exit 1; }
    grep -q "$pattern" err || { echo "scanline $*: nothing like '$pattern' in:"; cat err; exit 1; }
    [ ! -s out ] || { echo "scanline $*: an error wrote to stdout"; exit 1; }
}

expect 2 "did you mean 'train'" trian
expect 2 "unrecognized option" train --nonsense
expect 1 "nothing.scan" check nothing.scan
expect 1 "did you mean" check digits train.stepz=3
expect 1 "h=3\|does not divide\|divide" check digits h=3
expect 1 "no runs" eval @last
expect 1 "no runs" train --resume 7
expect 2 "takes no spec" train --resume 7 d=32
expect 1 "has no products of bf16" train digits --target x86-64-v3 train.precision=bf16
printf 'dim n = 4\nobjective ar {\n  loss = nothing\n}\n' >bad.scan
expect 1 "bad.scan:3:10: error" check bad.scan
"$scanline" check bad.scan --json >out 2>err
[ $? = 1 ] || { echo "--json: wrong exit code"; exit 1; }
grep -q '"line":3' out || { echo "--json: no line in:"; cat out; exit 1; }
"$scanline" train digits layers=1 d=16 h=2 train.steps=2 --out there >/dev/null 2>&1 || { echo "training failed"; exit 1; }
expect 1 "exists already" train digits layers=1 d=16 h=2 train.steps=2 --out there
expect 4 "step 2.*NaN\|not finite" train digits layers=1 d=16 h=2 train.steps=20 "train.update=adam(lr=1e30)" --out diverged
grep -q '"state": "diverged"' diverged/run.json || { echo "the run does not say that it diverged"; exit 1; }
