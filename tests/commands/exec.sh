# The functions that a spec becomes, as a file: written, read, and run by themselves.
# usage: exec.sh SCANLINE
. "$(dirname "$0")/common.sh"
set -e
"$scanline" compile digits layers=1 d=16 h=2 --emit ir -o model.ir
for function in init grad update eval features sample; do
    grep -q "^func @$function {" model.ir || fail "no function $function"
done
cat >double.ir <<'IR'
func @double {
  axis n = 3
  %0: f32[n] = input "x"
  %1: f32[] = const 2
  %2: f32[n] = mul %0, %1
  output "y" = %2
}
IR
# x = 1, 2, 3 in safetensors
printf '\070\000\000\000\000\000\000\000{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} ' >x.safetensors
printf '\000\000\200\077\000\000\000\100\000\000\100\100' >>x.safetensors
"$scanline" exec double.ir --inputs x.safetensors -o y.safetensors
"$scanline" exec double.ir --inputs x.safetensors -o z.safetensors --interpret
printf '\000\000\000\100\000\000\200\100\000\000\300\100' >expected
tail -c 12 y.safetensors | cmp - expected
grep -q F64 z.safetensors
if "$scanline" exec double.ir -o w.safetensors 2>err; then fail "exec without inputs went through"; fi
grep -q "no tensor 'x'" err
