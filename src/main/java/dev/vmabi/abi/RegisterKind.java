package dev.vmabi.abi;

/** What a register is to a guest: the rule that tells ABI from state (docs/algebra.md). */
public enum RegisterKind {
    /** General purpose and FP registers: state. */
    CORE,
    /** SVE data registers: state. */
    VECTOR,
    /** A system register whose presence is ABI and whose value is the guest's own. */
    STATE,
    /** The feature ID space (op0 3, CRn 0, op1 0, 1 or 3) but MPIDR_EL1, plus ACTLR_EL1 and PMMIR_EL1. */
    FEATURE_ID,
    /** MIDR_EL1, REVIDR_EL1, AIDR_EL1. */
    IMPLEMENTATION_ID,
    /** CLIDR_EL1 and CCSIDR by CSSELR: what the guest believes of its caches. */
    CACHE,
    /** Firmware pseudo-registers: PSCI version, SMCCC workarounds. */
    FIRMWARE,
    /** Hypercall bitmaps ({@code KVM_REG_ARM_FW_FEAT_BMAP}). */
    HYPERCALL_BITMAP,
    /** {@code KVM_REG_ARM64_SVE_VLS}, kept apart as {@link SveVectorLengths}. */
    SVE_LENGTHS,
    /** A coprocessor this release does not know: kept, and compared exactly. */
    UNKNOWN
}
