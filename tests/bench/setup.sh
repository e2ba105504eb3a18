# shellcheck shell=sh
# Sourced by the scripts of this folder, in the project's folder. What is installed goes to $bench_home, outside of it, and
# is used again the next time.
#
#   bench_build            the programs of tests/bench in $build
#   bench_python NAME      the folder's requirements-NAME.txt in a virtual environment; its interpreter in $python

bench_home=${XDG_CACHE_HOME:-$HOME/.cache}/scanline-bench
build=${BUILD:-build}

bench_build() {
    if grep -q '^SCANLINE_SANITIZE:BOOL=ON' "$build/CMakeCache.txt" 2>/dev/null; then
        echo "$build is a build under sanitizers, which is many times slower: give another one, BUILD=build-bench." >&2
        exit 1
    fi
    [ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -G Ninja >"$build.log" 2>&1 || {
        cat "$build.log" >&2
        exit 1
    }
    rm -f "$build.log"
    cmake --build "$build" --target bench >&2
}

# PyTorch without CUDA is ten times smaller, but is not on PyPI: it is asked for first.
bench_python() {
    requirements=tests/bench/requirements-$1.txt
    folder=$bench_home/$1
    python=$folder/bin/python
    cmp -s "$requirements" "$folder/requirements.txt" && return
    echo "Installing $(tr '\n' ' ' <"$requirements")to $folder" >&2
    rm -rf "$folder"
    mkdir -p "$bench_home"
    python3 -m venv "$folder" || {
        echo "python3 cannot make a virtual environment; on Debian: apt install python3-venv" >&2
        exit 1
    }
    "$python" -m pip install --quiet --retries 0 --timeout 10 --index-url https://download.pytorch.org/whl/cpu \
        -r "$requirements" >"$bench_home/pip.log" 2>&1 ||
        "$python" -m pip install --quiet -r "$requirements" >&2 || {
        echo "pip cannot install what $requirements names; it needs the network once." >&2
        exit 1
    }
    cp "$requirements" "$folder/requirements.txt"
}
