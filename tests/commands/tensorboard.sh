# TensorBoard's event files of a run that is killed and goes on hold what metrics.jsonl holds, as the package tensorboard
# reads them. SCANLINE_TEST_PYTHON: a Python that has it (default: python3).
# usage: tensorboard.sh SCANLINE
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
python=${SCANLINE_TEST_PYTHON:-python3}

# check RUN: what the package reads, where there is one
check() {
    [ "$(find "$1/tensorboard" -type f -size +0 | wc -l)" = 1 ] || fail "$1 has several event files: $(ls -l "$1/tensorboard")"
    [ "$package" = no ] || "$python" "$here/tensorboard_scalars.py" "$1" >out 2>err || fail "$1: the events are not the metrics:"
}
package=yes
"$python" -c 'import tensorboard' 2>/dev/null || {
    package=no
    echo "$python has no package tensorboard: the files are not read back"
}

"$scanline" train digits layers=1 d=16 h=2 train.steps=1000000 train.evaluate=20 train.checkpoint=50 --tensorboard >out 2>err &
process=$!
while [ ! -f runs/0001-*/checkpoints/step-000100.safetensors ] && kill -0 $process; do sleep 0.05; done
sleep 0.2
kill -9 $process
wait $process 2>/dev/null
process= # its number may be given again
run=$(echo runs/0001-*)
[ -s "$run"/tensorboard/events.out.tfevents.000000001.scanline ] || fail "no event file"

# It goes on with them, unasked.
"$scanline" train --resume 1 >out 2>err &
process=$!
while ! grep -q "event files for TensorBoard are in" err && kill -0 $process; do sleep 0.05; done
sleep 0.5
kill -TERM $process
wait $process
process=
[ -s "$run"/tensorboard/events.out.tfevents.000000002.scanline ] || fail "the run did not go on with its event files"
check "$run"

# Of a run that was trained without them.
"$scanline" train digits layers=1 d=16 h=2 train.steps=30 train.evaluate=10 train.objective=ar.classify >out 2>err || fail "training failed"
run=$(echo runs/0002-*)
[ ! -e "$run/tensorboard" ] || fail "event files that nobody asked for"
expect 0 "report.html" report 2 --tensorboard
check "$run"
expect 0 "report.html" report 2 --tensorboard
check "$run"
