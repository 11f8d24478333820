package dev.vmabi.abi;

/** How two values of a field are ordered (Linux, arch/arm64/kernel/cpufeature.c, {@code arm64_ftr_safe_value}). */
public enum Policy {
    /** The lower value is safe. */
    LOWER_SAFE,
    /** The higher value is safe. */
    HIGHER_SAFE,
    /** Zero is safe, otherwise the higher value: zero means "unknown, assume the largest". */
    HIGHER_OR_ZERO_SAFE,
    /** Only the host's value and one constant are taken. */
    EXACT,
    /** Not in the kernel's feature table: guests read zero. */
    RES0,
    /** MIDR_EL1 and its like: names the CPU, has no order. */
    IMPLEMENTATION_ID,
    /** What the guest believes of its caches: any sound value is as good. */
    CACHE_TOPOLOGY,
    /** Place of a vCPU in its VM: no property of the host. */
    TOPOLOGY
}
