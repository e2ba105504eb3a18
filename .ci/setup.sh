# Sourced by examples/quickstart.sh and tests/run.sh, in the project's folder.
#
#   setup_packages NAME...         installs the Debian or Ubuntu packages that are missing: lists them, asks on a terminal
#                                  (not with --yes, and not where there is no terminal), through sudo where needed
#   setup_build FOLDER OPTION...   configures and builds; does nothing where nothing changed

build_packages="gcc libc6-dev cmake ninja-build pkg-config llvm-19-dev libopenblas-dev libjansson-dev libxxhash-dev
    libpng-dev libjpeg-dev libarchive-dev liblbfgs-dev libzip-dev zlib1g-dev libjs-chart.js
    libprotobuf-c-dev protobuf-c-compiler
    libffi-dev libsqlite3-dev"
test_packages="libcriterion-dev
    libopenmpi-dev openmpi-bin
    slurmctld slurmd slurm-client munge"

yes=no
for argument in "$@"; do
    [ "$argument" = --yes ] && yes=yes
done

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

setup_packages() {
    if ! command -v dpkg-query >/dev/null; then
        echo "This is not Debian or Ubuntu: what is needed must be there already ($*)." >&2
        return
    fi
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -z "$missing" ] && return
    echo "To be installed by apt:$missing"
    if [ "$yes" = no ] && [ -t 0 ] && [ -t 1 ]; then
        printf 'Go on? [Y/n] '
        read -r answer
        case $answer in
        [nN]*) exit 1 ;;
        esac
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root=sudo
        command -v sudo >/dev/null || {
            echo "Not root, and there is no sudo: install them, then try again." >&2
            exit 3
        }
    fi
    $as_root apt-get update -q
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

setup_build() {
    folder=$1
    shift
    mkdir -p "$folder"
    cmake -S . -B "$folder" -G Ninja "$@" >"$folder/configure.log" 2>&1 || {
        cat "$folder/configure.log" >&2
        exit 3
    }
    ninja -C "$folder"
}
