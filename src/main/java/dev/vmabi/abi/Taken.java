package dev.vmabi.abi;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a host's kernel takes by {@code KVM_SET_ONE_REG} on a vCPU that never ran, one change at a time from the default
 * guest ABI.
 */
public final class Taken {

    /** Nothing was tried on this host. */
    public static final Taken UNMEASURED = new Taken(new TreeMap<>(), OptionalInt.empty(), false);

    private final SortedMap<RegisterId, TakenRegister> registers;
    private final OptionalInt leastVgicRevision;
    private final boolean measured;

    private Taken(SortedMap<RegisterId, TakenRegister> registers, OptionalInt leastVgicRevision, boolean measured) {
        this.registers = Collections.unmodifiableSortedMap(registers);
        this.leastVgicRevision = leastVgicRevision;
        this.measured = measured;
    }

    /** What was tried, and how the kernel answered; the vGIC was not tried. */
    public static Taken measured(Map<RegisterId, TakenRegister> registers) {
        return measured(registers, OptionalInt.empty());
    }

    /**
     * What was tried, and how the kernel answered.
     *
     * @param leastVgicRevision least {@code GICD_IIDR.Revision} that a vGICv3 takes, from the host's own downwards:
     *     kernels before April 2026 ignore the write ({@code vgic_mmio_uaccess_write_v3_misc}); empty where nobody
     *     tried
     */
    public static Taken measured(Map<RegisterId, TakenRegister> registers, OptionalInt leastVgicRevision) {
        return new Taken(new TreeMap<>(registers), leastVgicRevision, true);
    }

    /**
     * What the catalogue expects a kernel to take: on the safe side, so that a real kernel takes at least this.
     *
     * @param abi what the host shows
     * @param writableMasks masks the kernel states, empty where it has none or they are unknown
     * @param kernel its release where known; else the registers it lists tell a lower bound
     */
    public static Taken computed(GuestAbi abi, Map<RegisterId, Long> writableMasks, Optional<Version> kernel) {
        return new Taken(new ComputedTaken(abi, writableMasks, kernel).registers(), OptionalInt.empty(), false);
    }

    /** These answers with other registers. */
    Taken with(Map<RegisterId, TakenRegister> changed) {
        return new Taken(new TreeMap<>(changed), leastVgicRevision, measured);
    }

    /** Whether these are the kernel's own answers. */
    public boolean measured() {
        return measured;
    }

    public SortedMap<RegisterId, TakenRegister> registers() {
        return registers;
    }

    public OptionalInt leastVgicRevision() {
        return leastVgicRevision;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Taken other
                && measured == other.measured
                && leastVgicRevision.equals(other.leastVgicRevision)
                && registers.equals(other.registers);
    }

    @Override
    public int hashCode() {
        return registers.hashCode();
    }
}
