# Sourced by the scripts beside it, with the program's path as $1: a folder of its own to work in, and what is expected
# of a command.
set -u
scanline=$1
folder=$(mktemp -d)
process= # one in the background, to be ended with the script
trap '[ -z "$process" ] || kill -9 $process 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export SCANLINE_THREADS=1
sanitized= # built so: what is made of C alone is of interest, and all takes longer
if ldd "$scanline" | grep -q libasan; then sanitized=yes; fi

fail() {
    echo "$*"
    cat out err 2>/dev/null
    exit 1
}

# expect CODE PATTERN WORD...: the exit code of scanline WORD..., and what standard output or error says
expect() {
    code=$1 pattern=$2
    shift 2
    "$scanline" "$@" >out 2>err
    found=$?
    [ $found = "$code" ] || fail "scanline $*: exit code $found, not $code"
    cat out err | grep -q -- "$pattern" || fail "scanline $*: nothing like '$pattern' in:"
}

# same RUN OTHER: the same metrics and parameters
same() {
    for file in metrics.jsonl checkpoints/last.safetensors checkpoints/best.safetensors; do
        cmp "$1/$file" "$2/$file" || fail "$1 and $2 differ"
    done
}

# stop_in_evaluation RUN COUNT OPTION...: scanline train OPTION... gets SIGTERM soon after RUN's evaluation number COUNT;
# evaluations must take much longer than steps, and one must follow each step, for it to be in the next one
stop_in_evaluation() {
    run=$1 evaluations=$2
    shift 2
    "$scanline" train "$@" >/dev/null 2>err &
    process=$!
    while [ ! -f "$run/run.json" ] || [ "$(cat "$run/metrics.jsonl" 2>/dev/null | grep -c validation)" -lt "$evaluations" ]; do sleep 0.02; done
    sleep 0.2
    kill -TERM $process
    code=0
    wait $process || code=$?
    process=
    [ $code = 75 ] || fail "SIGTERM in an evaluation: exit code $code"
    grep -q "in the evaluation after step $evaluations;" err || fail "it was not in the evaluation after step $evaluations:"
}
