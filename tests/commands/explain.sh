# What explain says of small specs, for a target and rates that are given, is as it was: explain/NAME.txt. Kernels are
# numbered as they are met, since their names change with every change to what they compute.
# usage: explain.sh SCANLINE [--update]
here=$(cd "$(dirname "$0")" && pwd)
expected=$here/explain models=$here/../../models
. "$(dirname "$0")/common.sh"
update=${2:-}

eight='[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]' # mawk knows no {8}
numbered() {
    awk -v name="(loop|contract|attention|attention_grad|scatter_add|update_slice|call(_grad)?_[a-z]+)_$eight" '{
        line = ""
        while (match($0, name "[0-9a-f]*")) {
            kernel = kind = substr($0, RSTART, RLENGTH)
            sub(/_[0-9a-f]*$/, "", kind)
            key = substr(kernel, 1, length(kind) + 9)
            if (!(key in number)) number[key] = ++count[kind]
            line = line substr($0, 1, RSTART - 1) kind "_" number[key]
            $0 = substr($0, RSTART + RLENGTH)
        }
        print line $0
    }'
}

# says NAME WORD...: what `explain WORD...` writes
says() {
    name=$1
    shift
    "$scanline" explain "$@" --target x86-64-v3 >said 2>err || fail "explain $* failed"
    numbered <said >out
    [ "$update" != --update ] || cp out "$expected/$name.txt"
    diff "$expected/$name.txt" out >difference || {
        cat difference
        fail "explain $* says something else than $expected/$name.txt"
    }
}

small="layers=2 d=32 h=2 train.batch=8"
# shellcheck disable=SC2086 # words
{
    says table digits $small --peak 100G,20G
    says no-rates digits $small
    says product digits igpt.scan:44 $small --peak 100G,20G
    says norm digits igpt.scan:26 $small
    says score digits igpt.scan:37 $small
    says parameter digits igpt.scan:32 $small
    says update digits adam.scan:4 $small
    says tap digits igpt.scan:50 $small --function features
    says step digits igpt.scan:34 $small train.chunks=1
    says json digits igpt.scan:63 $small --peak 100G,20G --json
    says call "$here/../../examples/custom-op/custom.scan" 13 $small --peak 100G,20G
    says drawing digits igpt.scan:37 $small sample.images=4 --function decode --peak 100G,20G
    says drawing-table digits $small sample.images=4 --function decode --peak 100G,20G
    says table-json digits $small --peak 100G,20G --json
}
says mlp "$here/../specs/mlp.scan"

# Without a prefix of positions nothing is drawn, and the line says so.
expect 1 "igpt.scan:38:20: error: this attention looks at positions" explain digits --function decode train.objective=bert

# It depends on no thread and no clock where rates are given.
"$scanline" explain digits layers=2 --target x86-64-v3 --peak 1G,1G --threads 3 >first
"$scanline" explain digits layers=2 --target x86-64-v3 --peak 1G,1G --threads 1 >second
cmp first second || fail "it depends on threads"
expect 0 "measured now" explain digits layers=1

# Lines of which nothing runs say why. Rates are given: measuring them takes longer than all else.
# says_why TEXT WORD...: `explain WORD...` has the text
says_why() {
    text=$1
    shift
    expect 0 "$text" explain "$@" --peak 1G,1G
}
says_why "f = 256: a number that the compiler knows" digits igpt.scan:10
says_why "there is no code in it" digits igpt.scan:1
says_why "the head of norm; what it does is in lines 25 to 27" digits igpt.scan:24
says_why "train.objective=bert would choose this" digits igpt.scan:68
says_why "a loop, which is unrolled" digits igpt.scan:48
says_why "tokens is handed in with each image" digits igpt.scan:16
says_why "settings of a run" digits 8
says_why "what adam.scan declares is known" digits 3
printf 'use "digits.scan"\nfn idle(x) {\n  return x + 1\n}\n' >idle.scan
says_why "the objective ar never calls idle" idle.scan 3
printf 'use "digits.scan"\nuse "sgd.scan"\n' >two.scan
says_why "train.update is not sgd" two.scan "sgd.scan:$(grep -n ' = ' "$models/sgd.scan" | head -1 | cut -d: -f1)"

# Lines that are not there: the nearest.
expect 1 "digits.scan has 11 lines; nearest to it are lines 10 and 11; did you mean igpt.scan:44?" explain digits 44
expect 1 "igpt.scan has 79 lines; nearest to it are lines 78 and 79" explain digits igpt.scan:80
expect 1 "igpt.scan has 79 lines" explain digits igpt.scan:0
expect 1 "igpt.scan has 79 lines" explain digits igpt.scan:99999999999999999999999
expect 1 "did you mean 'igpt.scan'" explain digits igp.scan:3
expect 1 "a line is a number" explain digits igpt.scan:x
expect 1 "a line is a number" explain digits 3x --json
grep -q '"code": "line"' out || fail "--json: no error in:"
expect 2 "what is 'more' for" explain digits 3 more
expect 2 "two rates" explain digits --peak 100G
expect 2 "two rates" explain digits --peak 0,1
expect 1 "there are init, grad" explain digits --function nothing
