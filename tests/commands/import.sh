# Data files as a user makes and looks at them: `data import`, `data inspect`, and a training's warning of duplicates.
# usage: import.sh SCANLINE
vectors=$(cd "$(dirname "$0")/../unit/vectors/images" && pwd)
. "$(dirname "$0")/common.sh"

# A folder of two classes.
mkdir -p set/train/pear set/train/apple set/test/pear
cp "$vectors"/*.png set/train/pear
cp "$vectors"/*.jpg set/train/apple
cp "$vectors"/colour.png set/test/pear/same.png
cp "$vectors"/colour.png set/train/apple/called.jpg

expect 2 'data import SOURCE' data import
expect 2 'nothing to train on' data import set -o x.images --validation 50% --test 60%
expect 2 'there is no format cifar; there are cifar10, ' data import set -o x.images --format cifar
expect 1 'cannot read nowhere' data import nowhere -o x.images
expect 0 'train *15$' data import set -o set.images
grep -q 'test *1  (the source' out || fail "the test part is not the source's"
grep -q 'its name says otherwise: 1 images (train/apple/called.jpg)' out || fail "a mislabelled file is not told of"
grep -q 'apple' out || fail "no names of classes"

# Broken images: named and fatal, or left out.
printf 'GIF89a' >set/train/pear/broken.png
expect 1 'broken: train/pear/broken.png is a GIF' data import set -o broken.images
grep -q -- '--skip-broken' err || fail "no way out"
[ ! -e broken.images ] || fail "a file was made of a set with broken images"
expect 0 'left out *1 broken' data import set -o broken.images --skip-broken
[ ! -e broken.images.draft ] && [ ! -e broken.images.journal ] || fail "a draft is left"
expect 0 '"reason": "is a GIF' data inspect broken.images --json

# Looking at it: the test image is one of train's.
expect 0 '1 of test are in train' data inspect set.images --sheet sheet.png --verify --resolution 8
grep -q 'test/pear/same.png (test) is train/' out || fail "the duplicates are not named"
grep -q 'all pixels are what was written' out || fail "nothing is verified"
head -c 4 sheet.png | grep -q PNG || fail "the sheet is no PNG"
expect 1 'no data file' data inspect "$vectors/colour.png"

# One changed byte of the pixels is found by --verify alone.
cp set.images damaged.images
printf '\377\377\377\377' | dd of=damaged.images bs=1 seek=9000 conv=notrunc 2>/dev/null
expect 0 'images of' data inspect damaged.images
expect 1 'is damaged: block 0' data inspect damaged.images --verify

# Packed, it gives the same images; a set of them trains, with a warning.
tar -czf set.tar.gz -C set --exclude=broken.png --sort=name .
expect 0 'train *15$' data import set.tar.gz -o packed.images
hash_of() { sed -n 's/^ *hash *//p' out; }
packed=$(hash_of)
expect 0 'train *15$' data inspect set.images
[ "$(hash_of)" = "$packed" ] || fail "a tar gives other images than the folder"
expect 0 '16 colours' data palette set.images --colours 16 --resolution 8
expect 0 'best validation loss' train digits n=64 v=16 layers=1 d=16 h=2 train.steps=1 train.batch=4 data.source=set.images \
    data.resolution=8 data.augment=none train.objective=ar --out run
grep -q 'warning: .* 1 for testing are also among those to train on' err || fail "no warning of duplicates"

# Memory does not grow with the set: 307 MB, in less than half of that. (Sanitizers take more for themselves.)
mkdir large
if (ulimit -d 120000 && "$scanline" --version) >/dev/null 2>&1; then
    head -c 307300000 /dev/zero >large/data_batch_1.bin
    (ulimit -d 120000 && "$scanline" data import large -o large.images) >out 2>err || fail "not imported in less memory:"
    grep -q '100000 images' out || fail "not all images of a large set arrived"
    (ulimit -d 120000 && "$scanline" data inspect large.images --verify) >out 2>err || fail "not looked at in less memory:"
    rm large.images large/data_batch_1.bin
else
    echo "This build takes a lot of memory for itself: the limit is not tried."
fi

# Killed at any moment, it goes on to the same bytes.
seq 12000000 | tr '0-9\n' '\000-\011\001' | head -c 107555000 >large/data_batch_1.bin
expect 0 'images of' data import large -o whole.images --skip-broken
for seconds in 0.1 0.3 0.2; do
    "$scanline" data import large -o killed.images --skip-broken >/dev/null 2>&1 &
    process=$!
    sleep $seconds
    kill -9 $process 2>/dev/null
    wait $process 2>/dev/null
done
process=
expect 0 'images of' data import large -o killed.images --skip-broken
cmp whole.images killed.images || fail "an import that was killed came to other bytes"
rm -r large whole.images killed.images

data=${SCANLINE_DATA:-nowhere}
if [ ! -d "$data/cifar10" ]; then
    echo "There is no data folder (SCANLINE_DATA): importing real sets is skipped."
    exit 0
fi
expect 0 '54990 images of 32 x 32, colour, 10 classes' data import "$data/cifar10" -o real.images
grep -q '4500 *500 *4[0-9]* *airplane' out || fail "classes have other counts"
expect 0 '0 of test are in train' data inspect real.images --resolution 32
expect 0 '3000 images of 32 x 32, colour, 100 classes' data import "$data/cifar100" -o real.images
expect 0 '20 classes' data import "$data/cifar100" -o real.images --labels coarse
expect 0 '10000 images of 28 x 28, grey, 10 classes' data import "$data/fashion-mnist" -o real.images
expect 0 '143 images of ' data import "$data/imagenet-sample" -o real.images --shorter 32
expect 0 '2400 images of 64 x 64, colour, 20 classes' data import "$data/tiny-imagenet" -o real.images
expect 0 '246 images of 96 x 96' data import "$data/stl10-sample" -o real.images
