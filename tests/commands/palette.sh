# A data file from colours to pictures: importing, fitting a palette, training at a resolution with augmentation, sampling
# in colour; another palette is refused.
# usage: palette.sh SCANLINE
. "$(dirname "$0")/common.sh"

# Two CIFAR-10 batches in their binary form: a label, then 32 x 32 pixels of red, green and blue, each plane by itself. Each
# half of a plane here is of one level.
mkdir cifar
levels="010 050 110 150 210 250 310 350"
for level in $levels; do
    head -c 512 /dev/zero | tr '\0' "\\$level" >"level.$level"
done
label=0
for red in $levels; do
    for green in $levels; do
        for blue in 050 210 350; do
            printf "\\00$label"
            cat "level.$red" "level.$blue" "level.$green" "level.$blue" "level.$blue" "level.$green"
            label=$(((label + 1) % 8))
        done
    done
done >cifar/data_batch_1.bin
head -c 61460 cifar/data_batch_1.bin >cifar/test_batch.bin
expect 0 'images of 32 x 32' data import cifar -o small.images

small="layers=1 d=16 h=2 n=64 v=24 train.batch=16 train.steps=3 data.source=small.images data.resolution=8"
expect 1 'scanline data palette small.images --colours 512 --resolution' train digits $small
expect 2 'which file' data palette
expect 1 'nothing.images' data palette nothing.images
expect 2 "colours can't be '0'" data palette small.images --colours 0

expect 0 'palette of 24 colours' data palette small.images --colours 24 --resolution 8 -o first.npy
expect 0 '"hash"' data palette small.images --colours 24 --resolution 8 -o again.npy --threads 3 --json
cmp -s first.npy again.npy || fail "the palette depends on the number of threads"
expect 0 'palette of 24 colours' data palette small.images --colours 24 --resolution 8 --seed 2 -o second.npy
if cmp -s first.npy second.npy; then fail "the palette does not depend on the seed"; fi
expect 0 'PSNR' data palette small.images --palette first.npy
expect 0 'of 8 x 8, 24 colours' data digits $small
expect 0 "the data file's own" data digits $small

# Training reads augmented pixels, the same whatever the threads; and the run keeps the palette.
augmented="$small data.augment=pad data.flip=yes"
expect 0 'best validation loss' train digits $augmented data.test=10% --out one --threads 1
grep -q 'small.images has its own splits; data.*data.test' err || fail "nothing says that data.test does not count"
expect 0 'best validation loss' train digits $augmented data.test=10% --out two --threads 2
cmp -s one/metrics.jsonl two/metrics.jsonl || fail "losses depend on the number of threads"
expect 0 'best validation loss' train digits $small --out plain
if cmp -s one/metrics.jsonl plain/metrics.jsonl; then fail "augmentation changes nothing"; fi
cmp -s one/palette.npy first.npy || fail "the run does not keep its palette"
expect 0 'samples.png' sample one --images 4
expect 0 'samples.png' sample one --images 4 --checkpoint one/checkpoints/last.safetensors
expect 1 'nothing.safetensors' sample one --checkpoint nothing.safetensors
od -An -tu1 -j 25 -N 1 one/samples/samples.png | grep -q 2 || fail "samples are not in colour" # PNG's type of colour: RGB

# A probe is held against the pixels, which are the channels of their colours.
expect 0 'raw pixels' probe one probe.labels=0
sed -n '/"pixels": {/,$p' one/probe/probe.json | grep -q '"width": 192' || fail "pixels are not [64 positions, 3 channels]"

# Another palette is an error that names both, and how to get the first back.
expect 0 'hash' data palette small.images --palette second.npy
expect 1 'was trained with the palette' sample one
grep -q 'one/palette.npy' err || fail "nothing says where the run's palette is"
expect 1 'palette of the run is' train --resume one
expect 1 'data.palette=one/palette.npy' train --from one train.steps=4
expect 0 'best validation loss' train --from one data.palette=one/palette.npy train.steps=4 --out child
expect 0 'hash' data palette small.images --palette one/palette.npy
expect 0 'samples.png' sample one --images 4

# Greys: from colours by a palette of greys.
expect 0 'palette of 6 greys' data palette small.images --colours 6 --grey --resolution 8
expect 0 'of 8 x 8, 6 colours' data digits $small
expect 1 'is made of pixels' train digits layers=1 data.augment=crop
expect 1 'for the pixels of a data file' train digits layers=1 data.resolution=4
expect 1 'for IDX files' train digits $small data.augment=shift

images=${SCANLINE_DATA:-nowhere}/cifar10
if [ ! -f "$images/data_batch_1.bin" ]; then
    echo "There is no data folder with CIFAR-10 (SCANLINE_DATA): a palette of real images is skipped."
    exit 0
fi
mkdir real
cp "$images/data_batch_1.bin" real/
expect 0 'images of 32 x 32' data import real -o real.images
expect 0 'train *PSNR 29' data palette real.images --colours 64 --resolution 8
