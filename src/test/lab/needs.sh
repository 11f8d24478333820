#!/bin/sh
# Sees to the programs that the lab needs on this machine: as root on Debian it installs what is missing.
set -eu
packages=
need() { if ! [ -e "$1" ] && ! command -v "$1" >/dev/null; then packages="$packages $2"; fi; }
need qemu-system-aarch64 qemu-system-arm
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
need /usr/aarch64-linux-gnu/include/stdio.h libc6-dev-arm64-cross
need cpio cpio
need xz xz-utils
need readelf binutils
need dpkg-deb dpkg
need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
[ -n "$packages" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "lab: installing$packages with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of package names
    if apt-get -qq update >/dev/null && apt-get -qq -y --no-install-recommends install $packages >/dev/null; then
        exit 0
    fi
fi
echo "lab: not run, these packages are missing:$packages" >&2
exit 1
