# What a data set holds, as `data` shows it: names of classes, packed files; and the same names in `eval`.
# usage: data.sh SCANLINE
. "$(dirname "$0")/common.sh"
set -e

printf 'zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n' >names.txt
"$scanline" data digits data.classes=names.txt >text
grep -q '^ *[0-9]* *[0-9]* *[0-9]*  seven$' text || fail "no class is called seven"
"$scanline" data digits data.classes=names.txt --json | grep -q '"seven"' || fail "no class is called seven in JSON"
"$scanline" data digits --json | grep -q '"class_names"' || fail "no names in JSON without a list"
if "$scanline" data digits data.classes=nothing.txt 2>err; then fail "a list that is not there was read"; fi
grep -q 'nothing.txt' err || fail "the error does not name the list"
head -9 names.txt >short.txt
if "$scanline" data digits data.classes=short.txt 2>err; then fail "a list that is too short was taken"; fi
grep -q 'names 9 classes' err || fail "the error does not count the names"

"$scanline" train digits layers=1 d=16 h=2 train.steps=2 train.objective=ar.classify data.classes=names.txt --out named >log 2>&1 ||
    fail "$(cat log)"
"$scanline" eval named --json | grep -q '"seven"' || fail "eval does not name the classes"

images=${SCANLINE_DATA:-nowhere}/fashion-mnist/t10k-images-idx3-ubyte.gz
if [ ! -f "$images" ]; then
    echo "There is no data folder with Fashion-MNIST (SCANLINE_DATA): reading real packed files is skipped."
    exit 0
fi
"$scanline" data digits n=784 v=256 "data.source=$images" >packed
grep -q '10000 images of 28 x 28, 256 colours, 10 classes' packed || fail "$(cat packed)"
gunzip -c "$images" >t10k-images-idx3-ubyte
gunzip -c "$(dirname "$images")/t10k-labels-idx1-ubyte.gz" >t10k-labels-idx1-ubyte
"$scanline" data digits n=784 v=256 data.source=t10k-images-idx3-ubyte >plain
[ "$(sed 1d packed)" = "$(sed 1d plain)" ] || fail "packed and unpacked differ"
head -c 4000000 "$images" >cut-images.gz
if "$scanline" data digits n=784 v=256 data.source=cut-images.gz 2>err; then fail "a file that is cut off was read"; fi
grep -q 'cut off' err || fail "$(cat err)"
