# A user's functions in C: examples/custom-op, as its README says; and what is wrong with a library, said at its line.
# usage: custom_op.sh SCANLINE
. "$(dirname "$0")/common.sh"
example=$(cd "$(dirname "$0")/../../examples/custom-op" && pwd)
cp "$example"/ops.c "$example"/custom.scan "$example"/run.sh .
export SCANLINE="$scanline" SCANLINE_RUNS="$folder/runs" SCANLINE_CACHE="$folder/cache"
mkdir runs
small="n=64 d=16 h=2 layers=1 train.batch=16 train.steps=4 train.evaluate=2"

# done_by WORD...: scanline WORD... ends well, whatever it says
done_by() {
    "$scanline" "$@" >out 2>err || fail "scanline $*: exit code $?"
}

build() {
    "${CC:-cc}" -std=c17 -O2 -Wall -Wextra -Werror -ffp-contract=off -fPIC -shared -o libops.so ops.c || fail "ops.c"
}

# --- before there is a library, the spec can be checked and the header written ---
# shellcheck disable=SC2086 # words
expect 1 'custom.scan:[0-9]*:[0-9]*: error: the library of .* cannot be opened' check custom.scan
grep -q 'there is no .*libops.so; build it there, or put its folder into LD_LIBRARY_PATH' err || fail "no way out"
"$scanline" check custom.scan --extern-header ops.h || fail "no header"
grep -q 'void leak(int64_t d, const float \*x, const float \*slope, float \*result);' ops.h || fail "no prototype of leak"
expect 1 'digits.scan declares no extern fn' check digits --extern-header none.h

# --- it trains, to the same bits by any number of threads ---
# shellcheck disable=SC2086
sh run.sh $small --out runs/one >out 2>err || fail "run.sh"
for threads in 2 3; do
    # shellcheck disable=SC2086
    done_by train custom.scan $small --threads $threads --out runs/threads-$threads
    same runs/one runs/threads-$threads
done
# one chunk: update and gradients are one function, and passes keep the values; perf knows the kernels around the calls
# shellcheck disable=SC2016,SC2086 # for the inner shell; words
sh -c 'echo $$ >number; exec "$0" train custom.scan "$@"' "$scanline" $small train.chunks=1 --profile --verify --threads 2 --perf-map \
    >out 2>err || fail "train --profile --perf-map"
cat out err | grep -q 'call_trail' || fail "no line of the profile is trail's"
mv "/tmp/perf-$(cat number).map" map || fail "there is no map"
grep -q ' contract_[0-9a-f]*' map || fail "the map has no kernel"
grep ' call_' map && fail "the map has what the loader knows"
done_by check custom.scan n=8 d=4 h=2 layers=1 v=5 k=3 train.batch=4 train.chunks=2 --verify --check-passes
# shellcheck disable=SC2086
done_by train custom.scan $small train.precision=bf16_emulated
grep -q '"name": "libops.so"' runs/one/run.json || fail "the record names no library"

# --- trials of a sweep share the library, as they do the program that calls it; those of another program open it anew ---
# shellcheck disable=SC2086
SCANLINE_RUNS=$folder/swept expect 0 '^4 done' sweep custom.scan $small --over train.objective=custom,leaky --over train.seed=1..2 --db swept.db
grep -q '^2 programs were compiled' err || fail "trials that differ by the seed alone have programs of their own"
cmp runs/one/metrics.jsonl swept/0001-*/metrics.jsonl || fail "a trial that calls is another training"

# --- a run knows its library, wherever it is used from ---
mkdir elsewhere && cd elsewhere || exit 1
done_by reproduce ../runs/one
done_by eval ../runs/one
cd ..
expect 1 'spec.scan:[0-9]*:[0-9]*: error: this may depend on positions that are not drawn yet (call)' sample runs/one
# shellcheck disable=SC2086
done_by train custom.scan $small train.objective=leaky --out runs/leaky
done_by sample runs/leaky

# --- a program of its own calls them too, from the library beside it or where the loader looks, to the same bits ---
mkdir program
# shellcheck disable=SC2086
done_by compile custom.scan $small -o program/custom
mv libops.so program/
# by CODE WORD...: the program, as if on another machine
by() {
    code=$1 found=0
    shift
    (cd / && "$folder/program/custom" "$@") >out 2>err || found=$?
    [ $found = "$code" ] || fail "program $*: exit code $found, not $code"
}
by 0 train --out "$folder/runs/beside"
cmp runs/one/metrics.jsonl runs/beside/metrics.jsonl || fail "a program's steps"
grep -q '"name": "libops.so"' runs/beside/run.json || fail "the record of a program names no library"
export LD_LIBRARY_PATH="$folder/program"
# shellcheck disable=SC2086
done_by train custom.scan $small --out runs/jit
unset LD_LIBRARY_PATH
same runs/beside runs/jit # even the spec in them: neither had the library beside it
by 0 eval "$folder/runs/one"
mv program/libops.so elsewhere/
by 1 train --out "$folder/runs/none"
grep -q 'custom.scan:[0-9]*:[0-9]*: error: the library of .* cannot be opened' err || fail "a program without its library: no place"
LD_LIBRARY_PATH="$folder/elsewhere" by 0 eval "$folder/runs/beside"
mv elsewhere/libops.so .

# --- what was trained with one library is not gone on with by another ---
sed 's/+ 1);/+ 2);/' ops.c >other.c && mv other.c ops.c && build
expect 1 'libops.so is not the library that the run was trained with' reproduce runs/one
expect 1 'so it cannot be gone on with; put the first back' train --resume runs/one
expect 0 'warning: .*libops.so is not the library that the run was trained with' eval runs/one

# --- an update rule may call, and be the same bits as one that does not; in one chunk part of it comes before the loss ---
echo 'void scaled(float g, float s, float *result); void scaled(float g, float s, float *result) { *result = g * s; }' >>ops.c
build
sed 's/^train .*/extern fn scaled(g: f32, s: f32) -> f32 from "libops.so"\n&/; s/update = .*;/update = own(lr = 0.1 * warmup(4));/' custom.scan >called.scan
cp called.scan plain.scan
echo 'update own(w, g, lr) { w = w - scaled(g, lr) }' >>called.scan
echo 'update own(w, g, lr) { w = w - g * lr }' >>plain.scan
for chunks in 1 4; do
    for spec in called plain; do
        # shellcheck disable=SC2086
        done_by train $spec.scan $small train.objective=leaky train.chunks=$chunks --out runs/$spec-$chunks
    done
    cmp runs/called-$chunks/metrics.jsonl runs/plain-$chunks/metrics.jsonl || fail "an update that calls, in $chunks chunks"
done

# --- what is not finite is named by who gave it ---
cp ops.c kept.c
sed 's/0 : x\[k\] \* result_gradient/0 : 0.0f * (1 \/ (x[k] - x[k])) * result_gradient/' kept.c >ops.c && build
# shellcheck disable=SC2086
expect 4 'NaN first in call_grad_leak_[0-9a-f]* custom.scan:13' train custom.scan $small
mv kept.c ops.c && build

# --- what does not fit ---
sed 's/reach: i32/reach: f32/' custom.scan >other.scan
expect 1 'other.scan:[0-9]*:11: error: .* was built for trail(x: f32\[n, d\], reach: i32)' check other.scan
grep -q 'is declared as trail(x: f32\[n, d\], reach: f32)' err || fail "the spec's signature is not shown"
sed 's/grad leak_grad/grad leak_gradient/' custom.scan >other.scan
expect 1 'other.scan:[0-9]*:[0-9]*: error: .* has no function leak_gradient' check other.scan
expect 1 '"code":"extern-symbol"' check other.scan --json
echo text >libother.so
sed 's/libops/libother/' custom.scan >other.scan
expect 1 'libother.so: .*' train other.scan
grep -q 'other.scan:[0-9]*:[0-9]*: error: the library' err || fail "no place"
mkdir lib && mv libops.so lib
expect 1 'cannot be opened' check custom.scan
LD_LIBRARY_PATH=lib expect 0 'parameters' check custom.scan

# --- a file of IR opens no library unless it may ---
mv lib/libops.so .
done_by compile custom.scan n=4 d=2 h=1 layers=1 v=3 k=2 train.batch=2 train.chunks=1 --emit ir -o model.ir
grep -q '^extern @trail = "trail"' model.ir || fail "no external function in the IR"
expect 1 '@init calls\|give --calls\|no tensor' exec model.ir --function eval -o y.safetensors
cat >double.ir <<IR
extern @leak = "leak" (x: f32[d], slope: f32[d]) -> f32[d] from "$folder/libops.so" grad "leak_grad"
func @f {
  axis d = 3
  %0: f32[d] = input "x"
  %1: f32[d] = call @leak %0, %0
  output "y" = %1
}
IR
# x = -1, 2, 3 in safetensors
printf '\070\000\000\000\000\000\000\000{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} ' >x.safetensors
printf '\000\000\200\277\000\000\000\100\000\000\100\100' >>x.safetensors
expect 1 '@f calls leak of .*libops.so: if you trust that library, give --calls' exec double.ir --inputs x.safetensors -o y.safetensors
done_by exec double.ir --inputs x.safetensors -o y.safetensors --calls
done_by exec double.ir --inputs x.safetensors -o z.safetensors --calls --interpret
printf '\000\000\200\077\000\000\000\100\000\000\100\100' >expected
tail -c 12 y.safetensors | cmp - expected || fail "leak of -1, 2, 3"
