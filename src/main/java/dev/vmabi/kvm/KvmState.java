package dev.vmabi.kvm;

/** Why a host can or cannot run KVM guests. The names are those of NodeABI's {@code spec.kvm.state}. */
public enum KvmState {
    Available,
    /** There is no {@code /dev/kvm}. */
    NoDevice,
    /** {@code /dev/kvm} may not be opened by this user. */
    NoPermission,
    /** KVM is switched off on the kernel command line. */
    Disabled,
    /** KVM runs in protected mode, whose guests cannot be saved. */
    Protected,
    /** Not an arm64 host. */
    NotArm64,
    /** The kernel lacks calls that the probe is made of. */
    KernelTooOld,
    /** KVM is there, but a call that must succeed failed. */
    ProbeFailed
}
