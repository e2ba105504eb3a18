#!/bin/sh
# models/cifar10-16.scan beside PyTorch, and its probe beside scikit-learn: validation losses by step, of fp32, bf16 and a
# training of the same recipe by PyTorch; accuracy by layer. About an hour on two cores.
#
# usage: sh tests/bench/recipe.sh [FOLDER]
#
# FOLDER ($BUILD/recipe) gets everything; what is there is not done again. CIFAR-10's binary files are looked for in the data
# folder (SCANLINE_DATA, default ../shared/data).
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/setup.sh
. tests/bench/setup.sh

bench_build
mkdir -p "${1:-$build/recipe}/tokens"
folder=$(cd "${1:-$build/recipe}" && pwd)
images=$folder/cifar10.images
scanline=$build/scanline

[ -f "$images" ] || "$scanline" data import "${SCANLINE_DATA:-../shared/data}/cifar10" -o "$images"
[ -f "$folder/palette.npy" ] || "$scanline" data palette "$images" --resolution 16 -o "$folder/palette.npy"
[ -f "$folder/tokens/test.i32" ] || "$build/tests/bench_tokens" "$images" 16 "$folder/tokens"

for precision in fp32 bf16; do
    run=$folder/$precision
    if [ ! -d "$run" ]; then
        "$scanline" train cifar10-16 data.source="$images" train.precision=$precision --out "$run"
    elif ! grep -q '"state": "done' "$run/run.json"; then
        "$scanline" train --resume "$run"
    fi
done

bench_python torch
grep -q '^step 1000 validation' "$folder/torch.log" 2>/dev/null ||
    "$python" tests/bench/torch_recipe.py "$folder/tokens" compile 1 | tee "$folder/torch.log"

[ -f "$folder/fp32/probe/probe.json" ] || "$scanline" probe "$folder/fp32"
[ -f "$folder/features/features.json" ] || "$scanline" features "$folder/fp32" -o "$folder/features"
bench_python sklearn
[ -s "$folder/sklearn.json" ] ||
    OMP_NUM_THREADS=$(nproc) "$python" tests/bench/sklearn_probe.py "$folder/features" >"$folder/sklearn.json"
exec "$python" tests/bench/recipe.py "$folder"
