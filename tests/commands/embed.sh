# The shared library: what it exports, its API (library.c), and examples/embed, in C and from Python.
# usage: embed.sh SCANLINE
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/common.sh"
set -e
images=$top/models/digits/digits-images-idx3-ubyte
flags="-std=c17 -Wall -Wextra -Werror -pthread -I. -L. -Wl,-rpath,$folder"

"$scanline" compile digits layers=1 d=16 h=2 train.steps=30 --emit header -o scanline.h
"$scanline" compile digits layers=1 d=16 h=2 train.steps=30 --emit so -o libdigits.so
grep -q 'tokens  int32 \[images, n = 64\], from 0 to 16' scanline.h || fail "the header does not say what it is of"

# What is exported is what the header declares, and nothing else.
nm -D --defined-only libdigits.so | awk '{ print $3 }' | sort >exported
grep -o 'scanline_[a-z_]*(' scanline.h | tr -d '(' | sort -u >declared
cmp exported declared || fail "exports differ from the header: $(diff exported declared)"
ldd libdigits.so >libraries
if [ -n "$sanitized" ]; then flags="$flags -fsanitize=address,undefined"; fi

# shellcheck disable=SC2086 # a list of words
cc $flags "$top/tests/commands/library.c" -ldigits -lm -o library 2>err || fail "library.c does not compile:"
"$scanline" train digits layers=1 d=16 h=2 train.steps=30 --out run >/dev/null 2>&1
"$scanline" features run --checkpoint run/checkpoints/last.safetensors >/dev/null 2>&1
./library "$images" run/checkpoints/last.safetensors run/features/feature.1.npy 2>err || fail "the library's API:"
expect 0 'loss' eval run --checkpoint saved.safetensors

# shellcheck disable=SC2086
cc $flags "$top/examples/embed/embed.c" -ldigits -o embed 2>err || fail "embed.c does not compile:"
./embed "$images" 20 >out 2>err || fail "embed:"
grep -q '^step 20: loss' out || fail "embed has not trained:"
mv out from-c
expect 0 loss eval run --checkpoint embed.safetensors
if [ -n "$sanitized" ] || ! python3 -c 'import numpy' 2>/dev/null; then
    echo "embed.py is not tried: there is no NumPy here, or the library has sanitizers"
else
    python3 "$top/examples/embed/embed.py" ./libdigits.so "$images" 20 >out 2>err || fail "embed.py:"
    cmp from-c out || fail "C and Python do not find the same:"
fi
