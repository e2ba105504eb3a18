# A sweep as a job array of Slurm: on a slurmctld and a slurmd of its own, which only this test can reach. Skipped, saying
# why, where they are not installed or can't be started.
# usage: sweep_slurm.sh SCANLINE
. "$(dirname "$0")/common.sh"

skip() {
    echo "skipped: $*"
    exit 77
}

PATH=$PATH:/usr/sbin
for program in slurmctld slurmd sbatch squeue sinfo munged; do
    command -v $program >/dev/null || skip "$program is missing (Debian: slurmctld, slurmd, slurm-client, munge)"
done
[ "$(id -u)" = 0 ] || skip "slurmd wants to be root"

# --- a cluster of this machine ---
daemons=
finish() {
    # Jobs first: what they started ends with them.
    scancel --user root >/dev/null 2>&1
    for daemon in $daemons; do kill "$daemon" 2>/dev/null; done
    sleep 1
    for daemon in $daemons; do kill -9 "$daemon" 2>/dev/null; done
    rm -rf "$folder"
}
trap finish EXIT

cluster=$folder/cluster
mkdir -m 755 "$cluster" "$cluster/state" "$cluster/spool"
chmod 755 "$folder"
export SLURM_CONF=$cluster/slurm.conf
dd if=/dev/urandom of="$cluster/munge.key" bs=1024 count=1 2>/dev/null
chmod 400 "$cluster/munge.key"
host=$(hostname -s)
cores=$(nproc)
port=$((20000 + $$ % 20000)) # free with luck; else the daemons do not start, and it is skipped
cat >"$SLURM_CONF" <<CONF
ClusterName=scanline
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$cluster/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF

# Where no control groups are mounted (containers) the plugin that is looked for by itself ends slurmd; nothing here uses one.
echo CgroupPlugin=cgroup/v1 >"$cluster/cgroup.conf"

munged --foreground --key-file="$cluster/munge.key" --socket="$cluster/munge.socket" --pid-file="$cluster/munge.pid" \
    --log-file="$cluster/munge.log" --seed-file="$cluster/munge.seed" --force >"$cluster/munged.out" 2>&1 &
daemons=$!
waited=0
while [ ! -S "$cluster/munge.socket" ] && [ $waited -lt 100 ]; do sleep 0.1 && waited=$((waited + 1)); done
[ -S "$cluster/munge.socket" ] || skip "munged does not start: $(tail -1 "$cluster/munged.out")"
slurmctld -D -i >"$cluster/slurmctld.out" 2>&1 &
daemons="$daemons $!"
slurmd -D -N "$host" >"$cluster/slurmd.out" 2>&1 &
slurmd=$!
daemons="$daemons $slurmd"
waited=0
until [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] || [ $waited -ge 300 ] || ! kill -0 $slurmd 2>/dev/null; do sleep 0.1 && waited=$((waited + 1)); done
[ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] ||
    skip "slurm does not start: $(grep -h error "$cluster"/slurm*.out | tr '\n' ' ')"

# --- the sweep ---
model="digits layers=1 d=16 h=2 train.steps=20 train.evaluate=10"
over="--over rate=0.03,0.01,1e30 --over train.seed=1..2"

# job NAME: its number, of the JSON in `out`
job() { sed -n "s/.*\"$1\": \"\([0-9]*\)\".*/\1/p" out; }

# ended JOB...: until none of them is there any more
ended() {
    waited=0
    while squeue --noheader --jobs "$(echo "$@" | tr ' ' ,)" 2>/dev/null | grep -q . && [ $waited -lt 3000 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    [ $waited -lt 3000 ] || {
        squeue
        cat sweeps/sweep-*/*.log
        fail "the jobs do not end"
    }
}

# shellcheck disable=SC2086 # lists of words
SCANLINE_RUNS=sweeps expect 0 '"job": "' sweep $model $over --slurm=2 --sbatch --time=5 --sbatch=--chdir="$folder" --json
ended "$(job job)" "$(job merge)"
database=$(echo sweeps/sweep-*)/sweep.db
[ -f "$database" ] || {
    cat sweeps/sweep-*/*.log
    fail "nothing was merged"
}
expect 0 "^4 done, 2 failed" sweep show "$database"
expect 0 "^2 done, 1 failed, 3 elsewhere" sweep show "$(echo sweeps/sweep-*)/part-1.db"
[ "$(ls -d sweeps/0* | wc -l)" = 6 ] || fail "there are not six runs"

# The same without Slurm.
# shellcheck disable=SC2086
SCANLINE_RUNS=alone expect 0 "^4 done, 2 failed" sweep $model $over --jobs 1 --db alone.db
for name in alone.db "$database"; do
    "$scanline" sweep export csv "$name" | cut -d, -f1-11 >"$(basename "$name").csv"
done
cmp alone.db.csv sweep.db.csv || fail "Slurm's results are others"

# Submitted again it goes on, that is, has nothing to do, but for what failed.
# shellcheck disable=SC2086
SCANLINE_RUNS=sweeps expect 0 '"job": "' sweep $model $over --slurm=2 --retry-failed --json
ended "$(job job)" "$(job merge)"
[ "$(ls -d sweeps/0* | wc -l)" = 6 ] || fail "runs were made a second time"
expect 0 "^4 done, 2 failed" sweep show "$database"

# Refused by sbatch; and without one.
# shellcheck disable=SC2086
SCANLINE_RUNS=sweeps expect 3 "sbatch did not take the job" sweep $model $over --slurm=2 --sbatch --partition=nowhere
printf '#!/bin/sh\nPATH=/nowhere exec "%s" "$@"\n' "$scanline" >without
chmod +x without
# shellcheck disable=SC2086
scanline=$folder/without SCANLINE_RUNS=other expect 3 "there is no sbatch here" sweep $model $over --slurm=2
# shellcheck disable=SC2086
SCANLINE_RUNS=sweeps expect 2 "number of parts" sweep $model $over --slurm=0
# shellcheck disable=SC2086
SCANLINE_RUNS=sweeps expect 2 "leave out --db" sweep $model $over --slurm --db x.db
