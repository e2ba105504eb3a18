# Sourced by the scripts beside it, with the program's path as $1: a folder of its own to work in, and what is expected
# of a command.
set -u
scanline=$1
folder=$(mktemp -d)
process= # one in the background, to be ended with the script
trap '[ -z "$process" ] || kill -9 $process 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export SCANLINE_THREADS=1

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
