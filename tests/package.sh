# A Debian package of a build, installed where there is nothing else, trains, probes and samples the quickstart's model. By hand: it
# takes root, debootstrap, dpkg-dev and the network, and some minutes.
# usage: package.sh BUILD SUITE [MIRROR]      package.sh build bookworm
set -eu
build=$(cd "$1" && pwd) suite=$2 mirror=${3:-http://deb.debian.org/debian}
root=$(mktemp -d)
mounted=
trap '[ -z "$mounted" ] || umount "$root/proc"; rm -rf --one-file-system "$root"' EXIT

(cd "$build" && rm -f scanline_*.deb && cpack)
package=$(echo "$build"/scanline_*.deb)
debootstrap --variant=minbase "$suite" "$root" "$mirror"
cp "$package" "$root/root/"
mount -t proc proc "$root/proc"
mounted=yes

inside() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive sh -ec "$*"
}
inside "apt-get update -q && apt-get install -q -y --no-install-recommends /root/$(basename "$package")"
inside 'cd /root; scanline --version; scanline train digits data.augment=shift; scanline probe @last; scanline sample @last'
inside 'cd /root; ls runs/*/samples runs/*/probe; dpkg -L scanline; apt-get remove -q -y scanline; ! command -v scanline'
echo "installed, trained, probed, sampled, removed: $(basename "$package") on $suite"
