#!/bin/sh
# The claims of "Generative Pretraining from Pixels" at a scale for two cores: trains image GPTs of three sizes
# on CIFAR-10, probes and finetunes them, writes a report, and says which claims hold.
#
# usage: sh examples/paper/run.sh [--full] [--quick] [FOLDER]
#
# FOLDER (default: paper) gets everything; killed or stopped, the same command goes on. CIFAR-10's binary files are looked
# for in the data folder (SCANLINE_DATA, default ../shared/data), cifar10/ or cifar-10-batches-bin/.
# Trains in bf16 where the CPU has AVX512-BF16, else in fp32, which takes 1.7 times as long.
#   --full   images of 16 x 16 and five times as many steps
#   --quick  a few steps of everything, to see that it runs: the figures mean nothing
set -eu
cd "$(dirname "$0")/../.."
here=examples/paper
. $here/protocol.sh

steps=4000 resolution=8 tune=1400 often=140 seeds="1 2 3"
folder=paper
for argument in "$@"; do
    case $argument in
    --full) steps=20000 resolution=16 folder=paper-full ;;
    --quick) steps=40 tune=20 often=20 seeds="1 2" folder=paper-quick ;;
    -*) echo "usage: sh examples/paper/run.sh [--full] [--quick] [FOLDER]" >&2; exit 2 ;;
    *) folder=$argument ;;
    esac
done

small="d=32 h=2 layers=4" medium="d=64 h=4 layers=6" large="d=128 h=4 layers=8"
image="n=$((resolution * resolution)) data.resolution=$resolution"
grep -qw avx512_bf16 /proc/cpuinfo && image="$image train.precision=bf16"
pretrain="$here/paper.scan $image train.steps=$steps train.evaluate=$((steps / 8)) train.checkpoint=$((steps / 4))"
finetune="$here/finetune.scan $image train.steps=$tune train.evaluate=$often $large"

protocol_begin "$folder"
protocol_data "$resolution"
protocol_budget

for seed in $seeds; do
    for size in small medium large; do
        protocol_train "ar-$size-$seed" $pretrain $(eval echo \$$size) train.seed="$seed"
        protocol_probe "ar-$size-$seed"
    done
    protocol_train "bert-large-$seed" $pretrain $large train.seed="$seed" train.objective=bert
    protocol_probe "bert-large-$seed"
    protocol_train "scratch-$seed" $finetune train.seed="$seed" rate=1e-3
    protocol_train "tuned-ar-$seed" --from "$runs/ar-large-$seed" $finetune train.seed="$seed"
    protocol_train "tuned-bert-$seed" --from "$runs/bert-large-$seed" $finetune train.seed="$seed" train.objective=bert.classify
    for run in scratch tuned-ar tuned-bert; do protocol_test "$run-$seed"; done
done
protocol_report
