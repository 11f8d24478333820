#!/bin/sh
# Runs one emulated arm64 host until it powers off. Its console is standard output.
#
# usage: host.sh CACHE_DIR KERNEL CPU NAME OVERLAY [QEMU_OPTION...]
#   KERNEL   a series of kernels.list (5.10, 6.1, 6.12, 6.18, newest) or a full release
#   CPU      QEMU's name of the CPU and its options: cortex-a57, neoverse-n1, max, max,sve-max-vq=2
#   OVERLAY  one or more cpio archives, separated by commas, the last with /lab/run
# environment: LAB_APPEND is added to the kernel command line, LAB_MEMORY is in MiB (default 896)
set -eu
cache=$1 kernel=$2 cpu=$3 name=$4 overlay=$5
shift 5
images="$cache/images"
release=$(awk -v k="$kernel" '$1 == k || $2 == k { print $2; exit }' "$cache/kernels.list")
[ -n "$release" ] || { echo "lab: no kernel $kernel in $cache/kernels.list" >&2; exit 2; }

work=$(mktemp -d "$cache/host.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 143' HUP INT TERM # dash runs no EXIT trap for a signal
# shellcheck disable=SC2046 # a list of files
cat "$images/base.cpio" "$images/$release.cpio" $(echo "$overlay" | tr ',' ' ') >"$work/initrd"
qemu-system-aarch64 -machine virt,virtualization=on,gic-version=3 -cpu "$cpu" -smp 1 \
    -m "${LAB_MEMORY:-896}" -nodefaults -display none -serial stdio -monitor none -no-reboot \
    -netdev user,id=net0 -device virtio-net-pci,netdev=net0,romfile= \
    -kernel "$images/$release.kernel" -initrd "$work/initrd" \
    -append "console=ttyAMA0 quiet panic=-1 mitigations=auto vmabi.host=$name vmabi.now=$(date +%s) ${LAB_APPEND:-}" \
    "$@" </dev/null
