# Programs compiled ahead of time: what they need of a machine, the JIT's bits, what can be set, runs shared with scanline.
# usage: ahead.sh SCANLINE
. "$(dirname "$0")/common.sh"
set -e
settings="digits layers=1 d=16 h=2 train.evaluate=10 train.checkpoint=10"
program=$folder/model

# says CODE PATTERN PROGRAM WORD...: as expect, of any program
says() {
    code=$1 pattern=$2
    shift 2
    found=0
    "$@" >out 2>err || found=$?
    [ $found = "$code" ] || fail "$*: exit code $found, not $code"
    cat out err | grep -q -- "$pattern" || fail "$*: nothing like '$pattern' in:"
}

has() {
    grep -qw "$1" /proc/cpuinfo
}

targets=native,x86-64-v2
if [ -z "$sanitized" ] && has avx2 && has fma && has bmi2; then targets=$targets,x86-64-v3; fi
# shellcheck disable=SC2086 # a list of words
"$scanline" compile $settings train.steps=30 --target $targets -o model

# --- what it needs: libc, libm, the OpenMP runtime
ldd model >libraries
if [ -z "$sanitized" ] && grep -vE 'linux-vdso|ld-linux|libc\.so|libm\.so|lib[gi]?omp|libgomp' libraries; then
    fail "it needs more than libc, libm and the OpenMP runtime"
fi
if [ "$(id -u)" = 0 ] && [ -z "$sanitized" ] && command -v chroot >/dev/null; then
    mkdir -p root/run
    cp model root/model
    grep -o '/[^ ]*' libraries | while read -r library; do
        mkdir -p "root$(dirname "$library")"
        cp -L "$library" "root$library"
    done
    chroot root /model train --out /run/alone >/dev/null 2>err || fail "it does not run by itself:"
fi

# --- the JIT's bits, spec, and what commands find; for every target
for target in $(echo $targets | tr , ' '); do
    # shellcheck disable=SC2086
    "$scanline" train $settings train.steps=30 --target "$target" --out "jit-$target" >/dev/null 2>&1
    says 0 'best validation loss' "$program" train --target "$target" --out "own-$target"
    same "jit-$target" "own-$target"
    cmp "jit-$target/spec.scan" "own-$target/spec.scan"
done
if [ -d root/run/alone ]; then same jit-native root/run/alone; fi
says 0 loss "$program" eval own-native --split test --json
"$scanline" eval jit-native --split test --json >out 2>err
sed -i '/"checkpoint"/d' own-native/eval/test.json jit-native/eval/test.json
cmp own-native/eval/test.json jit-native/eval/test.json
says 0 samples.png "$program" sample own-native --images 4
"$scanline" sample jit-native --images 4 >/dev/null 2>&1
cmp own-native/samples/samples.png jit-native/samples/samples.png
says 0 completions.png "$program" complete own-native --images 2 --each 2
"$scanline" complete jit-native --images 2 --each 2 >/dev/null 2>&1
cmp own-native/samples/completions.png jit-native/samples/completions.png
says 0 'raw pixels' "$program" probe own-native probe.labels=[4]
"$scanline" probe jit-native probe.labels=[4] >/dev/null 2>&1
sed -i '/checkpoint/d' own-native/probe/probe.json jit-native/probe/probe.json
cmp own-native/probe/probe.json jit-native/probe/probe.json
says 0 feature "$program" features own-native
"$scanline" features jit-native >/dev/null 2>&1
for file in own-native/features/*.npy; do cmp "$file" "jit-native/features/$(basename "$file")"; done

# --- numbers of the schedule and of the run can be set; the same bits again
# shellcheck disable=SC2086
"$scanline" train $settings rate=0.01 train.steps=20 train.seed=5 --out jit-set >/dev/null 2>&1
says 0 'step 20 of 20' "$program" train rate=0.01 train.steps=20 train.seed=5 --out own-set
same jit-set own-set
cmp jit-set/spec.scan own-set/spec.scan

# --- what is compiled in is said, and what can be done
says 1 'd=32 cannot be set here.*scanline compile SPEC d=32' "$program" train d=32 train.steps=5
says 1 'train.objective=bert cannot be set' "$program" train train.objective=bert rate=0.1
says 1 'train.precision=bf16_emulated cannot be set' "$program" train train.precision=bf16_emulated
says 1 'did you mean' "$program" train train.stps=5
says 2 'has one spec' "$program" train other.scan
says 0 'train.steps=30' "$program" --help
sed -n '/^Compiled in:/,/^$/p' out | grep -q '^  d=16' || fail "--help: d is not compiled in:"
sed -n '/^To be set/,$p' out | grep -q '^  rate=' || fail "--help: rate can't be set:"
"$scanline" compile $settings train.objective=bert --emit exe -o bert >/dev/null 2>&1
./bert --help >out
sed -n '/^Compiled in:/,/^$/p' out | grep -q '^  hide=' || fail "--help: what the graph reads is not compiled in:"
says 1 'was compiled for d=16 (here 24)' "$program" eval "$("$scanline" train digits layers=1 d=24 h=2 train.steps=1 --out other 2>/dev/null | head -1)"

# --- runs go on from one to the other
for begin in "$scanline" "$program"; do
    rm -rf cut
    spec=
    if [ "$begin" = "$scanline" ]; then spec="digits layers=1 d=16 h=2"; fi
    # shellcheck disable=SC2086
    "$begin" train $spec train.steps=300 train.evaluate=100 train.checkpoint=60 --out cut >/dev/null 2>&1 &
    process=$!
    while [ ! -e cut/checkpoints/last.safetensors ] && kill -0 $process 2>/dev/null; do sleep 0.02; done
    kill -9 $process 2>/dev/null || true
    wait $process 2>/dev/null || true
    process=
    cp -r cut cut-on
    "$scanline" train --resume cut >/dev/null 2>&1
    "$program" train --resume cut-on >/dev/null 2>&1
    same cut cut-on
    rm -rf cut-on
done
says 0 'nothing differs\|the same' "$program" reproduce jit-set

# --- memory is held against what the program takes
says 1 'does not fit in train.memory' "$program" train --memory 1M --threads 8

# --- processors and tools that are not there
says 1 'no code for znver1 here; this was compiled for' "$program" train --target znver1
for missing in sapphirerapids:avx512_fp16 icelake-server:avx512_vbmi2 x86-64-v4:avx512f x86-64-v3:avx2; do
    has "${missing#*:}" || break
done
if ! has "${missing#*:}"; then
    # shellcheck disable=SC2086
    "$scanline" compile $settings --target "${missing%:*}" -o model >/dev/null 2>&1
    says 3 'the processor here is an x86-64.* and lacks' "$program" train
else
    echo "this processor has all that programs may be compiled for: its refusal was not tried"
fi
found=0
# shellcheck disable=SC2086
PATH=$folder "$scanline" compile $settings -o none 2>err || found=$?
[ $found = 3 ] && grep -q 'apt install gcc' err && [ ! -e none ] || fail "without a C compiler:"
says 3 'cannot write' "$scanline" compile digits layers=1 d=16 h=2 -o absent/model
says 2 'emit takes exe' "$scanline" compile digits --emit elf -o model
says 2 'is of one --target' "$scanline" compile digits --emit asm --target x86-64-v2,native
says 1 'unknown target' "$scanline" compile digits --target x86-64-v2,pentium -o model

# --- texts
"$scanline" compile digits layers=1 d=16 h=2 --emit asm --target x86-64-v2 >out 2>err
grep -q 'mulps' out || fail "no assembly"
if grep -q 'ymm' out; then fail "x86-64-v2 has no registers like ymm"; fi
"$scanline" compile digits layers=1 d=16 h=2 --emit llvm >out 2>err
[ "$(grep -c '^target triple' out)" = 1 ] && grep -q '^define' out || fail "no module of LLVM's IR"
"$scanline" compile digits layers=1 d=16 h=2 --emit obj -o model.o
nm model.o | grep -q scanline_carried || fail "no object"
