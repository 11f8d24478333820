/**
 * KVM/arm64 through {@code java.lang.foreign}: the ioctls, a scratch VM, what a host shows and takes (probe), and
 * whether it takes one guest ABI (proof). No VM of this package ever runs.
 */
package dev.vmabi.kvm;
