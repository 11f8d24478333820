#!/bin/sh
# Fetches what the emulated arm64 hosts are made of from Debian's archive into a cache:
# kernels, busybox, a JDK 25 (for its jmods), QEMU 10 and 11 with their libraries.
# The archive's address is this machine's own apt source. apt checks the indices by their signatures; every package is
# checked by the index's hash when it is fetched, and by the same hash, kept in CACHE_DIR/fetched, on each later run.
# Run again to resume; a complete cache needs no network. Delete CACHE_DIR/fetched to take newer kernels.
#
# usage: fetch.sh CACHE_DIR      (needs apt, dpkg-deb; no root)
set -eu
cache=${1:?usage: fetch.sh CACHE_DIR}
mkdir -p "$cache/debs"
cache=$(cd "$cache" && pwd)

fail() {
    echo "lab: not run, $*" >&2
    exit 1
}

if [ -f "$cache/fetched" ]; then
    if (cd "$cache/debs" && sha256sum --check --quiet ../fetched) >&2; then exit 0; fi
    echo "lab: the cache $cache is not what was fetched; fetching anew what differs"
fi
echo "lab: fetching about 300 MB of Debian packages into $cache, once"

# The URI of the first source that serves this machine's own Debian release.
uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' 2>/dev/null |
    awk '$3 == "Debian" && $2 ~ /^[a-z]+$/ { print $1; exit }')
[ -n "$uri" ] || fail "this machine's apt sources have no Debian archive (apt-get indextargets shows none)"

apt="$cache/apt"
mkdir -p "$apt/sources" "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >>"$apt/status"
cat >"$apt/sources/lab.sources" <<EOF
Types: deb
URIs: $uri
Suites: bullseye bookworm trixie trixie-backports
Components: main
Architectures: arm64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
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
# Debian's container images switch these off, and each of the some forty calls below would read all indices again.
with_cache() {
    program=$1
    shift
    "$program" -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin "$@"
}
with_cache apt-get -qq -o APT::Update::Error-Mode=any update || fail "the archive at $uri cannot be read, and $cache is not complete"

# get DIR ROOT PACKAGE...: downloads packages into debs/DIR, holds them against the index's hashes, unpacks them into ROOT.
get() {
    dir=$1 root=$2
    shift 2
    mkdir -p "$cache/debs/$dir" "$root"
    (
        # Not where the packages go: of one that is there apt would say nothing.
        cd "$apt"
        with_cache apt-get -qq --print-uris download "$@" | sed -n "s/^'[^']*' \([^ ]*\) [0-9]* SHA256:/\1 /p" >"$apt/wanted"
        [ -s "$apt/wanted" ] || fail "the archive at $uri states no SHA-256 of $*"
        cd "$cache/debs/$dir"
        # What is there and is not what it should be would be resumed or kept.
        while read -r file sum; do
            if [ -f "$file" ] && ! echo "$sum  $file" | sha256sum --check --status; then rm "$file"; fi
        done <"$apt/wanted"
        with_cache apt-get -qq download "$@" || fail "the archive at $uri does not give $*"
        while read -r file sum; do
            echo "$sum  $file" | sha256sum --check --quiet || fail "$file is not what the archive's index says"
            dpkg-deb -x "$file" "$root"
            echo "$sum  $dir/$file" >>"$cache/fetched.tmp"
        done <"$apt/wanted"
    )
}

# newest CLOUD_KERNEL_PATTERN: the last kernel version whose package name matches.
newest() {
    with_cache apt-cache search --names-only "^linux-image-$1.*-cloud-arm64\$" | awk '{ print $1 }' | grep -v unsigned |
        sed 's/^linux-image-//' | sort -V | tail -n 1
}

rm -rf "$cache/kernels" "$cache/base" "$cache/jdk" "$cache/qemu-10" "$cache/qemu-11" "$cache/fetched"
: >"$cache/fetched.tmp"
: >"$cache/kernels.list"
for series in 5.10 6.1 6.12 6.18 newest; do
    case $series in
        newest) release=$(newest '[0-9.]+') ;;
        *) release=$(newest "$series\\.") ;;
    esac
    [ -n "$release" ] || fail "the archive at $uri has no arm64 cloud kernel $series"
    # From 7.x on the image package only pulls in the ones that hold the files.
    packages="linux-image-$release"
    for part in linux-binary linux-modules; do
        if with_cache apt-cache show "$part-$release" >/dev/null 2>&1; then packages="$packages $part-$release"; fi
    done
    # shellcheck disable=SC2086 # a list of package names
    get kernels "$cache/kernels/$release" $packages
    echo "$series $release" >>"$cache/kernels.list"
done

get base "$cache/base" busybox-static/trixie libc6/trixie zlib1g/trixie libgcc-s1/trixie libstdc++6/trixie
get jdk "$cache/jdk" openjdk-25-jdk-headless/trixie

# qemu VERSION SUITE: QEMU with all it depends on, unpacked over one another.
qemu() {
    targets=$(with_cache apt-get -t "$2" --no-install-recommends -s -y install qemu-system-arm |
        sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p')
    [ -n "$targets" ] || fail "the archive at $uri has no QEMU in $2"
    # shellcheck disable=SC2086 # a list of package=version
    get "qemu-$1" "$cache/qemu-$1" $targets
}
qemu 10 trixie
qemu 11 trixie-backports
# What an earlier fetch left.
find "$cache/debs" -name '*.deb' | while read -r deb; do
    grep -qF "  ${deb#"$cache/debs/"}" "$cache/fetched.tmp" || rm "$deb"
done
mv "$cache/fetched.tmp" "$cache/fetched"
