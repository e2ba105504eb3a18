# Two sets of runs held against each other.
# usage: compare.sh SCANLINE
. "$(dirname "$0")/common.sh"
settings="digits layers=1 d=16 h=2 train.steps=4 train.evaluate=2"

# train SETTING...
train() {
    # shellcheck disable=SC2086 # a list of words
    "$scanline" train $settings "$@" >out 2>err || fail "training failed"
}
for seed in 1 2; do train train.seed=$seed; done
for seed in 2 1; do train train.seed=$seed "train.update=adam(lr = 0.02)"; done
train train.seed=1 train.objective=bert
train train.seed=1 data.seed=5

expect 0 "paired by train.seed" compare 1,2 3..4
grep -q "best validation loss, nats .*(.* to .*)" out || fail "no interval"
grep -q "train.update: A adam(lr = rate .*, B adam(lr = 0.02)" out || fail "what differs is not said"
expect 0 "not paired, Welch" compare 1..2 3
grep -q "an interval takes two runs" out || fail "an interval of one run"
expect 0 '"paired": true' compare 1..2 3..4 --json
expect 1 "other objectives" compare 1,2 5
expect 1 "no figure in common" compare 1,2 5 --across objective
expect 1 "other splits" compare 1,2 6
expect 0 "note: the sets were trained on other splits" compare 1 6 --across data
expect 1 "run 2 is in both sets" compare 1,2 2
expect 1 "there is no run 70" compare 1 70
expect 2 "two sets of runs" compare 1
for number in 1 5; do
    "$scanline" probe $number probe.labels=0 >out 2>err || fail "probing failed"
done
expect 0 "probe accuracy, %" compare 1 5 --across objective
! grep -q "validation loss, nats" out || fail "losses of two objectives were compared"
expect 0 "no probe accuracy: run 2 has none (scanline probe 2)" compare 1,2 3,4

# --- what there is, with the figures of each ---
expect 0 "1  done        ar  *4  *2\.[0-9]*  *[0-9.]* %  0001-" runs
expect 0 '"best_probe": {' runs --json
