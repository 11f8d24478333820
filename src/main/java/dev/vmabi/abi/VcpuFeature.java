package dev.vmabi.abi;

import java.util.EnumSet;
import java.util.Set;

/** The bits of {@code kvm_vcpu_init.features[0]} that shape the guest ABI (arch/arm64/include/uapi/asm/kvm.h). */
public enum VcpuFeature {
    EL1_32BIT(1),
    PSCI_0_2(2),
    PMU_V3(3),
    SVE(4),
    PTRAUTH_ADDRESS(5),
    PTRAUTH_GENERIC(6),
    HAS_EL2(7),
    HAS_EL2_E2H0(8),
    PMU_V3_STRICT(9);

    private final int bit;

    VcpuFeature(int bit) {
        this.bit = bit;
    }

    public int bit() {
        return bit;
    }

    /**
     * The features of a {@code features[0]} word. Bit 0 (POWER_OFF) is a start state, not ABI, and is ignored.
     *
     * @throws IllegalArgumentException if a bit is set that this release does not know
     */
    public static Set<VcpuFeature> fromBits(long features0) {
        EnumSet<VcpuFeature> set = EnumSet.noneOf(VcpuFeature.class);
        long rest = features0 & ~1L;
        for (VcpuFeature feature : values()) {
            if ((rest >>> feature.bit & 1) != 0) {
                set.add(feature);
                rest &= ~(1L << feature.bit);
            }
        }
        if (rest != 0) {
            throw new IllegalArgumentException("vCPU feature bits 0x" + Long.toHexString(rest) + " are not known");
        }
        return set;
    }

    /** The {@code features[0]} word of a set. */
    public static long toBits(Set<VcpuFeature> features) {
        long bits = 0;
        for (VcpuFeature feature : features) {
            bits |= 1L << feature.bit;
        }
        return bits;
    }
}
