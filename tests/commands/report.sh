# The report of runs: its page, what it says of what is absent, its plots; in a browser, where one is installed.
# usage: report.sh SCANLINE
. "$(dirname "$0")/common.sh"
settings="digits layers=1 d=16 h=2 train.steps=20 train.evaluate=10"

# --- a run with nothing but metrics ---
# shellcheck disable=SC2086 # a list of words
"$scanline" train $settings >out 2>err || fail "training failed"
expect 0 "runs/0001-.*/report.html" report
run=$(echo runs/0001-*)
for file in report.html report/loss-ar.svg; do
    [ -s "$run/$file" ] || fail "there is no $run/$file"
done
grep -q "No probe yet: <code>scanline probe 1</code>" "$run/report.html" || fail "the page does not say how to probe"
grep -q "No samples yet: <code>scanline sample 1</code>" "$run/report.html" || fail "the page does not say how to sample"

# --- several ---
# shellcheck disable=SC2086
for seed in 2 3; do
    "$scanline" train $settings train.seed=$seed train.objective=bert >out 2>err || fail "training failed"
done
for number in 1 2 3; do
    "$scanline" probe $number probe.labels=0 >out 2>err || fail "probing failed"
done
"$scanline" sample 1 >out 2>err || fail "sampling failed"
"$scanline" complete 1 --images 2 --each 2 >out 2>err || fail "completing failed"
"$scanline" eval 1 --split test >out 2>err || fail "evaluation failed"
expect 0 "runs/report.html" report 1..3
for plot in loss-ar loss-bert layers loss-probe-ar loss-probe-bert objectives; do
    grep -q "data-plot=\"$plot\"" runs/report.html || fail "the page has no plot $plot"
    grep -q "<svg" "runs/report/$plot.svg" || fail "there is no SVG of $plot"
done
[ "$(grep -o 'data:image/png;base64,' runs/report.html | wc -l)" = 2 ] || fail "the page does not have both pictures"
grep -q '<th scope="row">bert[^<]*</th><td>2</td>' runs/report.html || fail "the page has no table of objectives"
grep -q "train.seed" runs/report.html || fail "the page does not have the settings"
grep -q "fn attention" runs/report.html || fail "the page does not have the spec"

# Nothing is loaded from anywhere: no element names an address.
grep -Eo '(src|href)="[^"]{0,12}' runs/report.html | grep -Ev '="(#spec-[0-9]|data:image/p)' >out
[ ! -s out ] || fail "the page names what is not in it:"

# A run whose files are damaged is reported, and they are named.
cp -r "$run" damaged
echo '{' >damaged/probe/probe.json
echo 'nonsense' >>damaged/metrics.jsonl
echo 'dim dim' >damaged/spec.scan
expect 0 "damaged/report.html" report damaged
grep -q "is damaged, and left out" damaged/report.html || fail "the damaged probe is not named"
expect 1 "no run 9" report 9
expect 1 "no runs 7..9" report 7..9
expect 2 "takes NAME.html" report 1 -o page.txt
expect 0 '"page": "study.html"' report 1,3 -o study.html --json

# --- in a browser ---
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "no Chromium is installed: that part is left out"
    exit 0
}

# A copy of a page that looks at its own charts in the end, and says in its title how many have something on them.
watched() {
    {
        cat "$1"
        echo '<script>setTimeout(function () {
            const painted = Array.from(document.querySelectorAll("canvas")).filter(function (canvas) {
                const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                const seen = new Set();
                for (let i = 0; i < pixels.length; i += 4)
                    seen.add(pixels[i] + "," + pixels[i + 1] + "," + pixels[i + 2]);
                return seen.size > 3;
            });
            document.title = "painted " + painted.length + " of " + document.documentElement.dataset.charts;
        }, 200);</script>'
    } >watched.html
    HOME=$folder timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$folder/browser" --host-resolver-rules="MAP * ~NOTFOUND" --enable-logging=stderr \
        --virtual-time-budget=3000 $2 --dump-dom "file://$folder/watched.html" >out 2>err || fail "Chromium failed"
    ! grep "CONSOLE" err || fail "$1: messages on the console"
    grep -q "<title>painted $3 of $3</title>" out || fail "$1: not $3 charts painted: $(grep -o '<title>.*</title>' out)"
}

watched runs/report.html "" 6
watched runs/report.html "--force-dark-mode --window-size=420,900" 6
watched damaged/report.html "" 1
