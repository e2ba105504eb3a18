# What is exported loads in transformers and computes the same there. Skipped where there is no Python with torch and
# transformers (PYTHON, default python3): the rest is tested without, by interchange.sh.
# usage: transformers.sh SCANLINE
python=${PYTHON:-python3}
vectors=$(cd "$(dirname "$0")/../parity/interchange" && pwd)
script=$vectors/../interchange_load.py
if ! "$python" -c 'import torch, transformers' 2>/dev/null; then
    echo "There is no Python with torch and transformers (PYTHON): loading what is exported is skipped."
    exit 77
fi
. "$(dirname "$0")/common.sh"

images="data.source=$vectors/images-idx3-ubyte data.validation=0 data.test=0 k=3"
for name in bias plain half shards gpt2; do
    map=igpt-hf
    [ $name = gpt2 ] && map=gpt2-hf
    # shellcheck disable=SC2086 # a list of words
    expect 0 "parameters, from" import "$vectors/$name" --map $map $images -o $name
    expect 0 "^exported-$name$" export $name --map $map -o exported-$name
done

# A classifier that was trained here, with the losses of both its heads.
expect 0 "60 steps" train --from plain train.objective=ar.classify train.steps=60 "train.update=adam(lr=1e-2)" --out finetuned
"$scanline" eval finetuned --split train >text 2>err || fail "eval"
expect 0 "^classifier$" export finetuned -o classifier
"$python" "$script" "$vectors" "$(sed -n 's/^loss \([0-9.]*\) nats.*/\1/p' text)" >out 2>err || fail "another model"
cat out
