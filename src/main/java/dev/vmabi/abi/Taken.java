package dev.vmabi.abi;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a host's kernel takes by {@code KVM_SET_ONE_REG} on a vCPU that never ran, one change at a time from the default
 * guest ABI.
 */
public final class Taken {

    /** Nothing was tried on this host. */
    public static final Taken UNMEASURED = new Taken(new TreeMap<>(), false);

    private final SortedMap<RegisterId, TakenRegister> registers;
    private final boolean measured;

    private Taken(SortedMap<RegisterId, TakenRegister> registers, boolean measured) {
        this.registers = Collections.unmodifiableSortedMap(registers);
        this.measured = measured;
    }

    /** What was tried, and how the kernel answered. */
    public static Taken measured(Map<RegisterId, TakenRegister> registers) {
        return new Taken(new TreeMap<>(registers), true);
    }

    /**
     * What the catalogue expects a kernel to take: on the safe side, so that a real kernel takes at least this.
     *
     * @param abi what the host shows
     * @param writableMasks masks the kernel states, empty where it has none or they are unknown
     * @param kernel its release where known; else the registers it lists tell a lower bound
     */
    public static Taken computed(GuestAbi abi, Map<RegisterId, Long> writableMasks, Optional<Version> kernel) {
        return new Taken(new ComputedTaken(abi, writableMasks, kernel).registers(), false);
    }

    /** These answers with other registers. */
    Taken with(Map<RegisterId, TakenRegister> changed) {
        return new Taken(new TreeMap<>(changed), measured);
    }

    /** Whether these are the kernel's own answers. */
    public boolean measured() {
        return measured;
    }

    public SortedMap<RegisterId, TakenRegister> registers() {
        return registers;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Taken other && measured == other.measured && registers.equals(other.registers);
    }

    @Override
    public int hashCode() {
        return registers.hashCode();
    }
}
