#!/bin/sh
# Makes what the emulated hosts boot from out of what fetch.sh unpacked: parts of an initramfs
# (the kernel takes several cpio archives one after another) and the kernels themselves.
#
#   images/base.cpio               busybox, libc, a JRE 25 made by this JDK's jlink, /init
#   images/RELEASE.cpio            virtio modules of one kernel
#   images/RELEASE.kernel          the kernel image
#   images/qemu-{10,11}.cpio       QEMU and the libraries it needs, under /qemu-NN
#
# None is compressed: an emulated CPU takes longer to unpack one than to do all else of a boot.
#
# usage: image.sh CACHE_DIR      (needs JAVA_HOME with JDK 25, cpio, xz, readelf)
set -eu
cache=${1:?usage: image.sh CACHE_DIR}
cache=$(cd "$cache" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
images="$cache/images"

stamp=$(cat "$0" "$here/init" "$cache/fetched" "$JAVA_HOME/release" | sha256sum)
if [ -f "$images/stamp" ] && [ "$(cat "$images/stamp")" = "$stamp" ]; then exit 0; fi
rm -rf "$images"
mkdir -p "$images"
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# pack ROOT ARCHIVE
pack() {
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$2"
}

root="$work/base"
mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/sys" "$root/tmp" "$root/lib/aarch64-linux-gnu"
cp "$cache/base/usr/bin/busybox" "$root/bin/busybox"
cp -L "$cache/base/usr/lib/aarch64-linux-gnu/"*.so* "$root/lib/aarch64-linux-gnu/"
cp -L "$cache/base/usr/lib/ld-linux-aarch64.so.1" "$root/lib/ld-linux-aarch64.so.1"
cp "$here/init" "$root/init"
chmod 755 "$root/init"
"$JAVA_HOME/bin/jlink" --module-path "$(find "$cache/jdk" -type d -name jmods)" \
    --add-modules java.base,java.net.http,java.logging,java.management,jdk.unsupported,jdk.crypto.ec \
    --strip-java-debug-attributes --no-header-files --no-man-pages --exclude-files '**.debuginfo' --output "$root/jre"
pack "$root" "$images/base.cpio"

while read -r _ release; do
    kernel=$(find "$cache/kernels/$release" -name "vmlinuz*" -type f | head -n 1)
    cp "$kernel" "$images/$release.kernel"
    root="$work/$release"
    mkdir -p "$root/modules"
    number=10
    # In the order of their dependencies; what is not found is built into that kernel.
    for name in failover net_failover virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci \
        virtio_net virtio_blk; do
        file=$(find "$cache/kernels/$release" -name "$name.ko" -o -name "$name.ko.xz" | head -n 1)
        case $file in
            *.ko.xz) xz -dc "$file" >"$root/modules/$number-$name.ko" ;;
            *.ko) cp "$file" "$root/modules/$number-$name.ko" ;;
        esac
        number=$((number + 1))
    done
    pack "$root" "$images/$release.cpio"
done <"$cache/kernels.list"

# needed FILE LIBRARY_DIR TARGET_DIR: copies the libraries FILE needs, and what they need.
needed() {
    for library in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        if [ -e "$3/$library" ]; then continue; fi
        source=$(find "$2" -name "$library" | head -n 1)
        [ -n "$source" ] || continue # the dynamic linker itself
        cp -L "$source" "$3/$library"
        needed "$3/$library" "$2" "$3"
    done
}

for version in 10 11; do
    root="$work/qemu-$version"
    mkdir -p "$root/qemu-$version/lib" "$root/qemu-$version/share"
    cp "$cache/qemu-$version/usr/bin/qemu-system-aarch64" "$root/qemu-$version/qemu"
    needed "$root/qemu-$version/qemu" "$cache/qemu-$version/usr/lib" "$root/qemu-$version/lib"
    cp -L "$cache/qemu-$version/usr/lib/ld-linux-aarch64.so.1" "$root/qemu-$version/lib/"
    pack "$root" "$images/qemu-$version.cpio"
done
echo "$stamp" >"$images/stamp"
