# Exit codes, and that results go to stdout and everything else to stderr.
# usage: errors.sh SCANLINE
. "$(dirname "$0")/common.sh"

# refused CODE PATTERN WORD...: as expect, and standard output is empty
refused() {
    expect "$@"
    [ ! -s out ] || fail "scanline $*: an error wrote to stdout"
}

refused 2 "did you mean 'train'" trian
refused 2 "unrecognized option" train --nonsense
refused 1 "nothing.scan" check nothing.scan
refused 1 "did you mean" check digits train.stepz=3
refused 1 "h=3\|does not divide\|divide" check digits h=3
refused 1 "no runs" eval @last
refused 1 "no runs" train --resume 7
refused 2 "takes no spec" train --resume 7 d=32
refused 1 "has no products of bf16" train digits --target x86-64-v3 train.precision=bf16
printf 'dim n = 4\nobjective ar {\n  loss = nothing\n}\n' >bad.scan
refused 1 "bad.scan:3:10: error" check bad.scan
expect 1 . check bad.scan --json
grep -q '"line":3' out || fail "--json: no line in:"
expect 0 . train digits layers=1 d=16 h=2 train.steps=2 --out there
refused 1 "exists already" train digits layers=1 d=16 h=2 train.steps=2 --out there
refused 4 "step 2.*NaN\|not finite" train digits layers=1 d=16 h=2 train.steps=20 "train.update=adam(lr=1e30)" --out diverged
grep -q '"state": "diverged"' diverged/run.json || fail "the run does not say that it diverged"
