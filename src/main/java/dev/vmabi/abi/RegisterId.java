package dev.vmabi.abi;

import java.util.HexFormat;

/**
 * A KVM one-reg id of arm64, as in {@code KVM_GET_REG_LIST}. Ordered unsigned, as QEMU sorts its lists.
 *
 * @param encoding the 64-bit id: architecture in bits 63:56, size in 55:52, coprocessor in 27:16, index in 15:0
 *     (Linux, arch/arm64/include/uapi/asm/kvm.h)
 */
public record RegisterId(long encoding) implements Comparable<RegisterId> {

    public static final RegisterId PSCI_VERSION = new RegisterId(0x6030_0000_0014_0000L);
    public static final RegisterId WORKAROUND_1 = new RegisterId(0x6030_0000_0014_0001L);
    public static final RegisterId WORKAROUND_2 = new RegisterId(0x6030_0000_0014_0002L);
    public static final RegisterId WORKAROUND_3 = new RegisterId(0x6030_0000_0014_0003L);
    public static final RegisterId STD_BMAP = new RegisterId(0x6030_0000_0016_0000L);
    public static final RegisterId STD_HYP_BMAP = new RegisterId(0x6030_0000_0016_0001L);
    public static final RegisterId VENDOR_HYP_BMAP = new RegisterId(0x6030_0000_0016_0002L);
    public static final RegisterId VENDOR_HYP_BMAP_2 = new RegisterId(0x6030_0000_0016_0003L);
    public static final RegisterId SVE_VLS = new RegisterId(0x6060_0000_0015_FFFFL);

    private static final int CORE = 0x10;
    private static final int DEMUX = 0x11;
    private static final int SYSREG = 0x13;
    private static final int FIRMWARE = 0x14;
    private static final int SVE = 0x15;
    private static final int BITMAP = 0x16;

    /** The id of system register {@code S<op0>_<op1>_C<crn>_C<crm>_<op2>}. */
    public static RegisterId sysreg(int op0, int op1, int crn, int crm, int op2) {
        return new RegisterId(
                0x6030_0000_0013_0000L | (long) op0 << 14 | (long) op1 << 11 | (long) crn << 7 | (long) crm << 3 | op2);
    }

    /**
     * Reads {@code 0x} and up to 16 hexadecimal digits.
     *
     * @throws IllegalArgumentException if the text is anything else
     */
    public static RegisterId parse(String text) {
        return new RegisterId(Hex.parse(text, "register id"));
    }

    /**
     * Reads a register value: {@code 0x} and up to 16 hexadecimal digits.
     *
     * @throws IllegalArgumentException if the text is anything else
     */
    public static long parseValue(String text) {
        return Hex.parse(text, "value");
    }

    /** {@code 0x} and 16 lower-case digits. */
    public String hex() {
        return "0x" + HexFormat.of().toHexDigits(encoding);
    }

    /** Arm's or the kernel's name, or the encoding where the catalogue knows none. */
    public String name() {
        return Catalogue.get().name(this);
    }

    /** Size of the value in bytes, from the id itself. */
    public int size() {
        return 1 << (encoding >>> 52 & 0xF);
    }

    public RegisterKind kind() {
        return switch (coprocessor()) {
            case CORE -> RegisterKind.CORE;
            case DEMUX -> RegisterKind.CACHE;
            case SYSREG -> sysregKind();
            case FIRMWARE -> RegisterKind.FIRMWARE;
            case SVE -> encoding == SVE_VLS.encoding ? RegisterKind.SVE_LENGTHS : RegisterKind.VECTOR;
            case BITMAP -> RegisterKind.HYPERCALL_BITMAP;
            default -> RegisterKind.UNKNOWN;
        };
    }

    /**
     * Which bits of the value define the guest ABI: none for state, all for what a guest reads as a fixed fact, and
     * {@code PMCR_EL0.N} of the otherwise live PMCR_EL0.
     */
    public long abiMask() {
        return switch (kind()) {
            case CORE, VECTOR, STATE, SVE_LENGTHS -> encoding == Encodings.PMCR_EL0 ? 0xF800L : 0L;
            case CACHE, FEATURE_ID, IMPLEMENTATION_ID, FIRMWARE, HYPERCALL_BITMAP, UNKNOWN -> -1L;
        };
    }

    private RegisterKind sysregKind() {
        int op0 = (int) (encoding >>> 14) & 3;
        int op1 = (int) (encoding >>> 11) & 7;
        int crn = (int) (encoding >>> 7) & 15;
        if (encoding == Encodings.MIDR_EL1 || encoding == Encodings.REVIDR_EL1 || encoding == Encodings.AIDR_EL1) {
            return RegisterKind.IMPLEMENTATION_ID;
        }
        if (encoding == Encodings.CLIDR_EL1) {
            return RegisterKind.CACHE;
        }
        if (encoding == Encodings.PMMIR_EL1 || encoding == Encodings.ACTLR_EL1) {
            return RegisterKind.FEATURE_ID;
        }
        boolean featureIdSpace = op0 == 3 && crn == 0 && (op1 == 0 || op1 == 1 || op1 == 3);
        return featureIdSpace && encoding != Encodings.MPIDR_EL1 ? RegisterKind.FEATURE_ID : RegisterKind.STATE;
    }

    private int coprocessor() {
        return (int) (encoding >>> 16) & 0xFFF;
    }

    @Override
    public int compareTo(RegisterId other) {
        return Long.compareUnsigned(encoding, other.encoding);
    }

    @Override
    public String toString() {
        return hex();
    }
}
