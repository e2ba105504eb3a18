# The program as `cmake --install` leaves it, in a folder of its own: it runs from there, and what comes with it is there.
# usage: install.sh BUILD VERSION
set -u
build=$1 version=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
root=$folder/root

fail() {
    echo "$*"
    cat out 2>/dev/null
    exit 1
}

# What ran in another's environment would find nothing of the sources, the cache or the folder of runs.
run() {
    env -i PATH=/usr/bin:/bin HOME="$folder/home" SCANLINE_THREADS=1 ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
        "$root/usr/bin/scanline" "$@" >out 2>&1
}

DESTDIR=$root cmake --install "$build" --prefix /usr >out 2>&1 || fail "it cannot be installed"
mkdir home
run --version || fail "the installed program does not run"
grep -q "scanline $version" out || fail "it is not version $version"
run check digits || fail "it does not find its models"
run train digits layers=1 d=16 h=2 train.steps=2 --out trained || fail "it does not train"

# The specs that are there to be read are whole.
models=$root/usr/share/scanline/models
run check "$models/digits.scan" || fail "$models/digits.scan is not right"
for file in digits.scan igpt.scan adam.scan igpt-hf.map; do
    [ -f "$models/$file" ] || fail "there is no $models/$file"
done

# Programs that it compiles are linked of what came along, and run.
for file in lib/scanline/libscanline_standalone.a include/scanline/scanline.h; do
    [ -f "$root/usr/$file" ] || fail "there is no $file"
done
run compile digits layers=1 d=16 h=2 train.steps=2 -o made || fail "it compiles no program"
./made train --out made-run >out 2>&1 || fail "the program that it made does not train"
cmp trained/metrics.jsonl made-run/metrics.jsonl >out 2>&1 || fail "the program that it made trains otherwise"
if [ -f "$build/libscanline_mpi.so" ] && command -v mpirun >/dev/null; then
    env -i PATH="$PATH" HOME="$folder/home" ASAN_OPTIONS="${ASAN_OPTIONS:-}" OMPI_MCA_orte_tmpdir_base="$folder" \
        mpirun --oversubscribe --allow-run-as-root --quiet -n 2 \
        "$root/usr/bin/scanline" train digits layers=1 d=16 h=2 train.steps=2 --threads 1 --out ranks >out 2>&1 || fail "two ranks"
    cmp trained/metrics.jsonl ranks/metrics.jsonl >out 2>&1 || fail "two ranks train otherwise"
fi

# Every command is in the manual, and nothing else is.
manual=$root/usr/share/man/man1/scanline.1
run --help || fail "there is no help"
sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p' out | sort >commands
sed -n '/^\.SH COMMANDS/,/^\.SH EXIT/p' "$manual" | sed -n 's/^\.B \([a-z]*\)$/\1/p' | sort >described
[ -s commands ] || fail "help lists no command"
diff commands described >out || fail "the manual describes other commands than there are"
if command -v man >/dev/null; then
    LC_ALL=C.UTF-8 man --warnings -l "$manual" >page 2>out </dev/null || fail "the manual cannot be shown"
    [ ! -s out ] || fail "the manual has faults"
fi

# pkg-config knows it, and what C code includes compiles by its flags.
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name scanline.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion scanline)" = "$version" ] || fail "pkg-config knows another version"
[ -f "$(pkg-config --variable modelsdir scanline)/igpt.scan" ] || fail "pkg-config knows another prefix"
headers=$(pkg-config --cflags-only-I scanline | sed 's/^-I//; s/ *$//')
for header in "$headers"/*.h; do
    [ -f "$header" ] || continue
    printf '#include <%s>\nint main(void) { return 0; }\n' "$(basename "$header")" >user.c
    # shellcheck disable=SC2046 # words
    cc -std=c17 -Wall -Wextra -Werror $(pkg-config --cflags scanline) user.c -o user >out 2>&1 ||
        fail "$header cannot be included by others"
done

# The shell completes commands, options and models.
completed() {
    bash -c 'source "$1"; COMP_WORDS=("$2" "${@:3}"); COMP_CWORD=$(($# - 2)); _scanline; echo "${COMPREPLY[*]}"' bash \
        "$root/usr/share/bash-completion/completions/scanline" "$root/usr/bin/scanline" "$@"
}
if command -v bash >/dev/null; then
    [ "$(completed tra)" = train ] || fail "'tra' is completed to '$(completed tra)'"
    [ "$(completed train --res)" = --resume ] || fail "'--res' is completed to '$(completed train --res)'"
    [ "$(completed check digi)" = digits ] || fail "'digi' is completed to '$(completed check digi)'"
fi
exit 0
