#!/bin/sh
# Fetches what the emulated arm64 hosts are made of from Debian's archive into a cache:
# kernels, busybox, a JDK 25 (for its jmods), QEMU 10 and 11 with their libraries.
# The archive's address is this machine's own apt source; apt checks every index by signature
# and every package by the index's hash. Run again to resume; a complete cache needs no network.
#
# usage: fetch.sh CACHE_DIR      (needs apt, dpkg-deb; no root)
set -eu
cache=${1:?usage: fetch.sh CACHE_DIR}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

fail() {
    echo "lab: $*" >&2
    exit 1
}

if [ -f "$cache/fetched" ]; then exit 0; fi

command -v apt-get >/dev/null || fail "apt-get is missing: the lab takes its hosts from Debian's archive"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keyring" ] || fail "$keyring is missing: install debian-archive-keyring"

# The URI of the first source that serves this machine's own Debian release.
uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' 2>/dev/null |
    awk '$3 == "Debian" && $2 ~ /^[a-z]+$/ { print $1; exit }')
[ -n "$uri" ] || fail "no Debian source among this machine's apt sources (apt-get indextargets shows none)"

apt="$cache/apt"
mkdir -p "$apt/sources" "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >>"$apt/status"
cat >"$apt/sources/lab.sources" <<EOF
Types: deb
URIs: $uri
Suites: bullseye bookworm trixie trixie-backports
Components: main
Architectures: arm64
Signed-By: $keyring
EOF
cat >"$apt/apt.conf" <<EOF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
EOF
export APT_CONFIG="$apt/apt.conf"
apt-get -qq update || fail "the archive at $uri cannot be read; the lab needs it once to fill $cache"

# newest CLOUD_KERNEL_PATTERN: the last kernel version whose package name matches.
newest() {
    apt-cache search --names-only "^linux-image-$1.*-cloud-arm64\$" | awk '{ print $1 }' | grep -v unsigned |
        sed 's/^linux-image-//' | sort -V | tail -n 1
}

mkdir -p "$cache/debs" "$cache/kernels"
: >"$cache/kernels.tmp"
for series in 5.10 6.1 6.12 6.18 newest; do
    case $series in
        newest) release=$(newest '[0-9.]+') ;;
        *) release=$(newest "$series\\.") ;;
    esac
    [ -n "$release" ] || fail "no arm64 cloud kernel $series at $uri"
    # From 7.x on the image package only pulls in the ones that hold the files.
    packages="linux-image-$release"
    for part in linux-binary linux-modules; do
        if apt-cache show "$part-$release" >/dev/null 2>&1; then packages="$packages $part-$release"; fi
    done
    # shellcheck disable=SC2086 # a list of package names
    (cd "$cache/debs" && apt-get -qq download $packages)
    rm -rf "$cache/kernels/$release"
    mkdir -p "$cache/kernels/$release"
    for package in $packages; do
        dpkg-deb -x "$(find "$cache/debs" -name "${package}_*.deb" | tail -n 1)" "$cache/kernels/$release"
    done
    echo "$series $release" >>"$cache/kernels.tmp"
done

# unpack DIR SUITE PACKAGE...: the packages with all they depend on, unpacked over one another.
unpack() {
    dir=$1
    suite=$2
    shift 2
    rm -rf "$cache/${dir:?}"
    mkdir -p "$cache/$dir" "$cache/debs/$dir"
    (
        cd "$cache/debs/$dir"
        apt-get -qq -t "$suite" --no-install-recommends --print-uris -y install "$@" |
            awk '{ print $2 }' | sed 's/_.*//' | sort -u >packages
        targets=$(apt-get -t "$suite" --no-install-recommends -s -y install "$@" |
            sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p')
        # shellcheck disable=SC2086 # a list of package=version
        apt-get -qq download $targets
    )
    for deb in "$cache/debs/$dir"/*.deb; do dpkg-deb -x "$deb" "$cache/$dir"; done
}

(cd "$cache/debs" && apt-get -qq download busybox-static/trixie openjdk-25-jdk-headless/trixie \
    libc6/trixie zlib1g/trixie libgcc-s1/trixie libstdc++6/trixie)
rm -rf "$cache/base" "$cache/jdk"
mkdir -p "$cache/base" "$cache/jdk"
for package in busybox-static libc6 zlib1g libgcc-s1 libstdc++6; do
    dpkg-deb -x "$(find "$cache/debs" -maxdepth 1 -name "${package}_*.deb" | tail -n 1)" "$cache/base"
done
dpkg-deb -x "$(find "$cache/debs" -maxdepth 1 -name 'openjdk-25-jdk-headless_*.deb' | tail -n 1)" "$cache/jdk"
unpack qemu-10 trixie qemu-system-arm
unpack qemu-11 trixie-backports qemu-system-arm
mv "$cache/kernels.tmp" "$cache/kernels.list"
date -u +%FT%TZ >"$cache/fetched"
