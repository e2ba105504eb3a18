# Training by several ranks on this machine: the same bytes as alone, resumed by other numbers of ranks, and what is left
# when one of them is stopped, killed, or at fault.
# usage: ranks.sh SCANLINE
specs=$(cd "$(dirname "$0")/../specs" && pwd)
. "$(dirname "$0")/common.sh"
mpirun=$(command -v mpirun) || {
    echo "skipped: there is no mpirun (Debian: openmpi-bin)"
    exit 77
}
[ -e "$(dirname "$scanline")/libscanline_mpi.so" ] || {
    echo "skipped: scanline was built without MPI"
    exit 77
}
export SCANLINE_CACHE="$folder/cache"
export OMPI_MCA_orte_tmpdir_base="$folder" # what mpirun leaves when it is killed
settings="digits layers=2 d=32 h=2 train.steps=24 train.evaluate=8 train.checkpoint=8"

# ranks N WORD...: scanline WORD... by N ranks; what they say is in out and err
ranks() {
    count=$1
    shift
    "$mpirun" --oversubscribe --allow-run-as-root --quiet -n "$count" "$scanline" "$@" >out 2>err
}

# ranks_expect CODE PATTERN N WORD...
ranks_expect() {
    code=$1 pattern=$2
    shift 2
    ranks "$@"
    found=$?
    [ $found = "$code" ] || fail "$1 ranks: exit code $found, not $code"
    [ "$(grep -c -- "$pattern" err)" = 1 ] || fail "$1 ranks: '$pattern' is not said once"
}

# --- the same bits ---

# bits PRECISION RANKS-THREADS...
bits() {
    precision=$1
    shift
    # shellcheck disable=SC2086 # a list of words
    "$scanline" train $settings train.precision="$precision" --threads 2 --out "$precision" >out 2>err || fail "alone"
    for run; do
        # shellcheck disable=SC2086
        ranks "${run%-*}" train $settings train.precision="$precision" --threads "${run#*-}" --out "$precision-$run" ||
            fail "$run: ranks and threads"
        same "$precision" "$precision-$run"
    done
}

# With 3 threads for 4 chunks each owns some, with 3 for 2 they are a team. bf16_emulated runs everywhere.
if [ -n "$sanitized" ]; then
    bits fp32 4-3
else
    bits fp32 1-1 2-3 4-3 8-1
    bits bf16_emulated 2-1 4-1
fi
[ "$(grep -c 'step *24/24' err)" = 1 ] || fail "more than one rank reports"
grep -q '4 ranks share each batch, 3 threads here' fp32-4-3/log.txt || fail "the log does not tell of ranks"

# Accuracy, votes of several masks, and the metrics of a split whose last chunk is short.
objective="train.objective=bert.classify data.validation=7%"
# shellcheck disable=SC2086
"$scanline" train $settings $objective --out votes >out 2>err || fail "alone"
# shellcheck disable=SC2086
ranks 4 train $settings $objective --out votes-4 || fail "votes"
same votes votes-4

# --- faults that all have, and that one has ---

# shellcheck disable=SC2086
ranks_expect 1 "3 ranks cannot share train.chunks = 8 .*powers of two" 3 train $settings --out none
# shellcheck disable=SC2086
ranks_expect 1 "4 ranks cannot share train.chunks = 2 .*at most 2; or give train.chunks=4" 4 train $settings train.chunks=2 --out none
ranks_expect 1 "'none.scan' cannot be read" 2 train none.scan
# shellcheck disable=SC2086
ranks_expect 1 "fp32 exists already" 2 train $settings --out fp32
[ ! -e none ] || fail "a folder was made for nothing"

cat >differs.sh <<'END'
exec "$1" train digits layers=2 d=32 h=2 train.steps=$((10 + OMPI_COMM_WORLD_RANK / 3)) --out none
END
"$mpirun" --oversubscribe --allow-run-as-root --quiet -n 4 sh differs.sh "$scanline" >out 2>err && fail "two specs"
grep -q 'rank 3 (.*) has another spec than rank 0' err || fail "nobody says which rank differs"

# Without the library it still trains alone, and says what is missing where ranks are asked for.
mkdir bare
cp "$scanline" bare/
(
    # shellcheck disable=SC2030
    scanline=bare/scanline
    # shellcheck disable=SC2086
    "$scanline" train $settings train.precision=fp32 --out alone >out 2>err || fail "without MPI"
    # shellcheck disable=SC2086
    ranks 2 train $settings --out none
    [ $? = 3 ] || fail "no MPI: another exit code"
    grep -q "can't be opened: libscanline_mpi.so" err || fail "nobody says what is missing"
) || exit 1
same fp32 alone
rm -r bare

# --- a gradient that is not finite ---

cp "$specs/cliff_digits.scan" cliff.scan
expect 4 "step 4: NaN first in loop" train cliff.scan --out cliff
sed -n 's/.*error: //p' err >said
ranks_expect 4 "error: $(cat said)" 4 train cliff.scan --out cliff-4
for file in metrics.jsonl checkpoints/last.safetensors; do
    cmp cliff/$file cliff-4/$file || fail "diverged: $file differs"
done
grep -q '"state": "diverged"' cliff-4/run.json || fail "the record does not say that it diverged"

# --- stopped, killed, and gone on with ---

long="digits layers=2 d=32 h=2 train.steps=120 train.evaluate=60 train.checkpoint=5"
# shellcheck disable=SC2086
"$scanline" train $long --threads 2 --out whole >out 2>err || fail "alone"

# begin OUT: four ranks in the background, until they have taken steps; their numbers are in pids
# MPIRUN_PATIENCE: seconds from mpirun's SIGTERM to its SIGKILL, which it spends whether any rank is left or not
begin() {
    cat >pid.sh <<'END'
echo "$OMPI_COMM_WORLD_RANK $$" >>pids
shift
exec "$scanline" "$@"
END
    rm -f pids
    export scanline
    "$mpirun" --oversubscribe --allow-run-as-root --quiet --mca odls_base_sigkill_timeout "${MPIRUN_PATIENCE:-1}" \
        -n 4 sh pid.sh rank train "$@" >out 2>err &
    process=$!
    for _ in $(seq 400); do
        [ -e $run/checkpoints/last.safetensors ] && break
        kill -0 $process 2>/dev/null || fail "it ended by itself"
        sleep 0.02
    done
}

# end SIGNAL RANK: to one of them; the exit code is in code
end() {
    kill "-$1" "$(sed -n "s/^$2 //p" pids)" || fail "rank $2 is not there"
    wait $process
    code=$?
    process=
}

# shellcheck disable=SC2086
run=stopped && begin $long --threads 1 --out $run
end USR1 2
[ $code = 75 ] || fail "USR1 to rank 2: exit code $code"
grep -q "stopped by signal 10 after step" err || fail "nobody says that it was stopped"
ranks_expect 0 "going on after step" 2 train --resume $run --threads 1
same whole $run

# Of a rank that is killed mpirun tells the others, by SIGTERM: the last whole step is kept.
# shellcheck disable=SC2086
run=killed && MPIRUN_PATIENCE=5 begin $long --threads 1 --out $run
end KILL 3
[ $code = 137 ] || fail "KILL to rank 3: exit code $code"
grep -q "the ranks are no longer together.*--resume" err || fail "rank 0 does not say why it ends"
grep -q '"state": "stopped"' $run/run.json || fail "the record does not say that it stopped"
expect 0 "going on after step" train --resume $run --threads 2
same whole $run

# Rank 0 itself: what is left is the last checkpoint.
# shellcheck disable=SC2086
run=headless && begin $long --threads 1 --out $run
end KILL 0
[ $code = 137 ] || fail "KILL to rank 0: exit code $code"
ranks_expect 0 "going on after step" 4 train --resume $run --threads 1
same whole $run

# A disk that is full for rank 0 ends all, and says why.
# shellcheck disable=SC2086
run=full && begin $long --threads 1 --out $run
prlimit --fsize=100000 --pid "$(sed -n 's/^0 //p' pids)"
wait $process
code=$?
process=
[ $code = 3 ] || fail "a full disk: exit code $code"
grep -q "error: .*File too large" err || fail "nobody says that the disk is full"
ranks_expect 0 "going on after step" 2 train --resume $run --threads 1
same whole $run
exit 0
