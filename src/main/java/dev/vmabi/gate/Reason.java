package dev.vmabi.gate;

/** Why the gate decided as it did: a label of the metric {@code vmabi_admissions_total}. */
public enum Reason {
    /** No VM pod, or one that runs no guest. */
    NotAVm,
    /** The guest is not an arm64 one. */
    OtherArchitecture,
    /** No such VM is known here; KubeVirt answers for that itself. */
    NoSuchVm,
    /** No policy speaks for the VM, or none of its nodes can run it. */
    NoPolicy,
    /** A policy speaks for the VM, but has pinned nothing yet. */
    NotPinned,
    /** A new VM, held to the baseline. */
    Baseline,
    /** A new VM that may boot into pools with different baselines, so that nothing is imposed on it. */
    SeveralPools,
    /** A running VM, held to nodes that take what its guest has. */
    GuestAbi,
    /** A running VM that no other node takes now. */
    Nowhere,
    /** A running VM of which it is not known what its guest has. */
    Unknown,
    /** The VM leaves this cluster or namespace; the receiving side decides. */
    SentAway,
    /** A policy, told what it would do. */
    Preview
}
