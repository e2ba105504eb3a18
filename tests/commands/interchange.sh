# A checkpoint of transformers becomes a run that every command works on, and goes back; what does not fit is refused
# before there is a run.
# usage: interchange.sh SCANLINE
vectors=$(cd "$(dirname "$0")/../parity/interchange" && pwd)
. "$(dirname "$0")/common.sh"
source="data.source=$vectors/images-idx3-ubyte k=3"
images="$source data.validation=0 data.test=0"

# near A B: the same to four digits
near() { awk "BEGIN { exit !($1 - $2 < 2e-5 && $2 - $1 < 2e-5) }"; }

# The losses of all images are those of transformers.
for name in bias plain half shards gpt2; do
    map=igpt-hf
    [ $name = gpt2 ] && map=gpt2-hf
    # shellcheck disable=SC2086 # a list of words
    expect 0 "parameters, from $vectors/$name" import "$vectors/$name" --map $map $images -o $name
    "$scanline" eval $name --split train >out 2>err || fail "eval $name"
    found=$(sed -n 's/^loss \([0-9.]*\) nats.*/\1/p' out)
    near "$found" "$(sed -n "s/^$name //p" "$vectors/losses.txt")" || fail "$name: another loss"
done

# It is a run as others are, but that it was not trained.
# shellcheck disable=SC2086 # a list of words
expect 0 "runs/0001-igpthf-ar-" import "$vectors/plain" $source data.validation=30% data.test=30% probe.labels=0
expect 0 "imported .* 0001-igpthf" runs
expect 0 "layer" probe 1
expect 0 "samples.png" sample 1
expect 0 "taken over from it: 33 parameters" train --from 1 train.steps=2
expect 0 "new here, with initial values: 1: wclf" train --from 1 train.objective=ar.classify train.steps=2
expect 1 "imported, not trained here, so it cannot be gone on with" train --resume 1
expect 1 "imported, not trained here, so it cannot be reproduced" reproduce 1

# The palette comes along, as OpenAI keeps it or as transformers does.
for name in bias half; do
    grep -aq 'palette_centres' $name/checkpoints/best.safetensors || fail "$name: no palette"
done
if grep -aq 'palette_centres' plain/checkpoints/best.safetensors; then fail "a palette from nowhere"; fi
# shellcheck disable=SC2086 # a list of words
expect 0 "with its palette of 24 colours" import "$vectors/plain" $images --palette "$vectors/bias/kmeans_centers.npy" -o coloured
cp "$vectors/plain/pytorch_model.bin" "$vectors/bias/kmeans_centers.npy" .
expect 1 "the palette has 24 colours, and the model's tokens are of 25" import pytorch_model.bin n=16 v=25 d=16 h=2 layers=2
expect 1 "no \"clusters\"" import "$vectors/bias" --palette "$vectors/bias/config.json"
expect 1 "not an? \.npy\|npy" import "$vectors/bias" --palette "$vectors/losses.txt"

# What comes back is what went in: imported again it has the same parameters.
expect 0 "^exported$" export bias -o exported
# shellcheck disable=SC2086 # a list of words
expect 0 "parameters, from" import exported $images -o again
grep -q '"ImageGPTImageProcessor"' exported/preprocessor_config.json || fail "no preprocessor"
cmp bias/checkpoints/best.safetensors again/checkpoints/best.safetensors || fail "the parameters changed on the way"
expect 1 "exported exists already" export bias -o exported
# A spec without biases gives zeros for them, and takes them.
# shellcheck disable=SC2086 # a list of words
expect 0 "all that may be zero" import "$vectors/plain" igpt-s $images -o without
expect 0 "^zeros$" export without -o zeros
# shellcheck disable=SC2086 # a list of words
expect 0 "all that may be zero" import zeros $images -o with
"$scanline" eval with --split train | sed 1d >with.text
"$scanline" eval plain --split train | sed 1d | cmp - with.text || fail "the zeros are others"
# A classifier has one tensor more, and a config that says so.
expect 0 "^classifier$" export 3 -o classifier
grep -q '"ImageGPTForImageClassification"' classifier/config.json || fail "the config is not a classifier's"
grep -q '"num_labels": 3' classifier/config.json || fail "the config does not count the classes"
grep -aq '"score.weight":{"dtype":"F32","shape":\[3,16\]' classifier/model.safetensors || fail "no score.weight"
# shellcheck disable=SC2086 # a list of words
expect 1 "'score.weight' is there, and the spec has no parameter 'wclf'" import classifier $images
# shellcheck disable=SC2086 # a list of words
expect 0 "parameters, from" import classifier $images train.objective=ar.classify -o classifier-again

# Refused, each with its reason, and without a run.
expect 2 "which checkpoint" import
expect 1 "cannot read nowhere" import nowhere
expect 1 "a folder without model.safetensors" import "$vectors"
expect 1 "\"model_type\" is \"gpt2\", and by igpt-hf.map it must be \"imagegpt\"" import "$vectors/gpt2"
expect 1 "cannot read the map none" import "$vectors/bias" --map none
expect 1 "'transformer.h.0.attn.c_attn.bias' is not zero" import "$vectors/bias" igpt-s
expect 1 "by \"n_head\" the dim h is 2, and here it is 4" import "$vectors/bias" h=4
expect 1 "by \"vocab_size\" the dim v is 24, and here it is 99" import "$vectors/bias" v=99
expect 1 "no parameter 'sos' with this objective" import "$vectors/bias" train.objective=bert
mkdir bare
cp "$vectors/bias/model.safetensors" bare/alone.safetensors
expect 1 "dim 'n'" import bare/alone.safetensors
expect 1 "is \[25, 16\]; by the spec's dims" import bare/alone.safetensors n=16 v=99 d=16 h=2 layers=2
# shellcheck disable=SC2086 # a list of words
expect 0 "no config.json" import bare/alone.safetensors n=16 v=24 d=16 h=2 layers=2 $images -o alone
printf 'tensor x\n' >bad.map
expect 1 "bad.map:1: '\[' is expected" import "$vectors/bias" --map bad.map
head -c 1000 "$vectors/plain/pytorch_model.bin" >cut.bin
expect 1 "cut.bin: not a zip archive" import cut.bin
expect 2 "Give -o FOLDER" export bias
expect 0 "best validation loss" train digits layers=1 d=16 h=2 train.objective=bert train.steps=1 --out bert
expect 1 "no parameter 'sos'" export bert -o bert-exported
[ "$(ls runs | wc -l)" = 3 ] || fail "a refused import left a run"
