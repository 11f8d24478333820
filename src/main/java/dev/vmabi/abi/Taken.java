package dev.vmabi.abi;

import java.util.Collections;
import java.util.Map;
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
