package dev.vmabi.abi;

import java.util.List;

/** Ids of the registers that a rule singles out. */
final class Encodings {
    static final long MIDR_EL1 = 0x6030_0000_0013_C000L;
    static final long MPIDR_EL1 = 0x6030_0000_0013_C005L;
    static final long REVIDR_EL1 = 0x6030_0000_0013_C006L;
    static final long ID_DFR0_EL1 = 0x6030_0000_0013_C00AL;
    static final long ID_AA64PFR0_EL1 = 0x6030_0000_0013_C020L;
    static final long ID_AA64PFR1_EL1 = 0x6030_0000_0013_C021L;
    static final long ID_AA64ZFR0_EL1 = 0x6030_0000_0013_C024L;
    static final long ID_AA64DFR0_EL1 = 0x6030_0000_0013_C028L;
    static final long ID_AA64ISAR1_EL1 = 0x6030_0000_0013_C031L;
    static final long ID_AA64ISAR2_EL1 = 0x6030_0000_0013_C032L;
    static final long ACTLR_EL1 = 0x6030_0000_0013_C081L;
    static final long PMMIR_EL1 = 0x6030_0000_0013_C4F6L;
    static final long CLIDR_EL1 = 0x6030_0000_0013_C801L;
    static final long AIDR_EL1 = 0x6030_0000_0013_C807L;
    static final long CTR_EL0 = 0x6030_0000_0013_D801L;
    static final long PMCR_EL0 = 0x6030_0000_0013_DCE0L;
    static final long CCSIDR_FIRST = 0x6020_0000_0011_0000L;

    static final List<Long> IMPLEMENTATION_ID = List.of(MIDR_EL1, REVIDR_EL1, AIDR_EL1);

    private Encodings() {}
}
