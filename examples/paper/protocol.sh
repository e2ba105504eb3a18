# Sourced by run.sh: trainings, probes and tests that are done once, however often the script is started.

protocol_begin() {
    scanline=$PWD/build/scanline
    [ -x "$scanline" ] || { echo "There is no build/scanline: sh examples/quickstart.sh builds it." >&2; exit 2; }
    folder=$1
    mkdir -p "$folder"
    runs=$(cd "$folder" && pwd)/runs
    SCANLINE_RUNS=$runs
    export SCANLINE_RUNS
    mkdir -p "$runs"
}

# protocol_data RESOLUTION: the data file and its palette, in the folder.
protocol_data() {
    images=$(dirname "$runs")/cifar10.images
    if [ ! -f "$images" ]; then
        for source in "${SCANLINE_DATA:-../shared/data}/cifar10" "${SCANLINE_DATA:-../shared/data}/cifar-10-batches-bin"; do
            [ -d "$source" ] && break
        done
        [ -d "$source" ] || {
            echo "CIFAR-10 is not there: unpack cifar-10-binary.tar.gz (https://www.cs.toronto.edu/~kriz/cifar.html) and set" >&2
            echo "SCANLINE_DATA to the folder around cifar-10-batches-bin." >&2
            exit 1
        }
        "$scanline" data import "$source" -o "$images"
    fi
    palette=$(dirname "$runs")/palette.npy
    [ -f "$palette" ] || "$scanline" data palette "$images" --resolution "$1" -o "$palette"
    set_data="data.source=$images"
}

# protocol_flops SPEC SETTING...: of a step, in TFLOP
protocol_flops() {
    "$scanline" check "$@" --json | awk -F'[:,]' '/"flops_per_step"/ { printf "%.6f\n", $2 / 1e12; exit }'
}

# Prints what all of it will cost; uses what run.sh has set.
protocol_budget() {
    count=$(echo "$seeds" | wc -w)
    total=0
    echo "budget, TFLOP: a step x steps x seeds"
    for line in "ar-small|$pretrain $small|$steps" "ar-medium|$pretrain $medium|$steps" "ar-large|$pretrain $large|$steps" \
        "bert-large|$pretrain $large train.objective=bert|$steps" "scratch|$finetune|$tune" "tuned-ar|$finetune|$tune" \
        "tuned-bert|$finetune train.objective=bert.classify|$tune"; do
        name=${line%%|*} rest=${line#*|}
        # shellcheck disable=SC2086 # a list of words
        flops=$(protocol_flops ${rest%|*} $set_data)
        product=$(echo "$flops ${rest##*|} $count" | awk '{ printf "%.0f", $1 * $2 * $3 }')
        echo "  $name $flops ${rest##*|} $count $product" | awk '{ printf "  %-12s %8.4f x %6d x %d = %8d\n", $1, $2, $3, $4, $5 }'
        total=$((total + product))
    done
    echo "  $total together, of the trainings: finetuning may end early; evaluations and probes come on top."
}

protocol_is_done() { grep -q '"state": "done' "$1/run.json" 2>/dev/null; }

# protocol_train NAME ARGUMENT...: the run NAME, from its beginning or from where it was left
protocol_train() {
    run=$runs/$1
    shift
    protocol_is_done "$run" && return
    echo "== train ${run##*/}"
    if [ -d "$run" ]; then
        "$scanline" train --resume "$run"
    else
        "$scanline" train "$@" "$set_data" --out "$run"
    fi
}

# protocol_probe NAME: every checkpoint, on a tenth of the labels
protocol_probe() {
    echo "== probe $1"
    "$scanline" probe "$runs/$1" --steps all data.share=10% probe.labels=0
}

# protocol_test NAME: accuracy on the test split, read once
protocol_test() {
    [ -f "$runs/$1/eval/test.json" ] && return
    echo "== test $1"
    "$scanline" eval "$runs/$1" --split test
}

# The page, and the claims in words and figures.
protocol_report() {
    # shellcheck disable=SC2046 # names without spaces
    "$scanline" report $(protocol_runs) -o "$folder/report.html"
    sh $here/claims.sh "$runs" "$scanline" "$seeds" | tee "$folder/claims.txt"
}

protocol_runs() { for run in "$runs"/*/run.json; do dirname "$run"; done; }
