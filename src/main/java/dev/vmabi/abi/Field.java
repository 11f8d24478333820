package dev.vmabi.abi;

import java.util.Optional;

/**
 * A bit range of a register with its order.
 *
 * @param register the register
 * @param name Arm's name; empty for a register taken as a whole
 * @param shift least significant bit
 * @param width in bits, 1 to 64
 * @param signed whether values are sign-extended before they are compared
 * @param hostPolicy how Linux orders two CPUs' values
 * @param safeValue the safe encoding of an {@link Policy#EXACT} field
 * @param policy how KVM orders a guest's value against the host's
 * @param writableSince first kernel that lets userspace lower it, empty if none does
 * @param least least encoding that KVM takes
 * @param hidden whether KVM shows guests zero whatever the CPU has
 */
public record Field(
        RegisterId register,
        String name,
        int shift,
        int width,
        boolean signed,
        Policy hostPolicy,
        long safeValue,
        Policy policy,
        Optional<Version> writableSince,
        long least,
        boolean hidden) {

    /** The raw encoding of this field in a register value. */
    public long raw(long value) {
        return (value >>> shift) & mask();
    }

    /** The value that compares: sign-extended where the field is signed. */
    public long comparable(long value) {
        return extend(raw(value));
    }

    /** {@code value} with this field replaced. */
    public long insert(long value, long raw) {
        return (value & ~(mask() << shift)) | ((raw & mask()) << shift);
    }

    /** Whether raw encoding {@code a} promises a guest no more than {@code b} does. */
    public boolean notAbove(long a, long b) {
        return a == b
                || switch (policy) {
                    case LOWER_SAFE, RES0 -> extend(a) < extend(b);
                    case HIGHER_SAFE -> extend(a) > extend(b);
                    case HIGHER_OR_ZERO_SAFE -> a == 0 || (b != 0 && a > b);
                    case EXACT -> a == safeValue;
                    case IMPLEMENTATION_ID, CACHE_TOPOLOGY, TOPOLOGY -> false;
                };
    }

    /** Orders raw encodings that are all taken: the greatest rank promises a guest the most. */
    long rank(long raw) {
        return switch (policy) {
            case HIGHER_SAFE -> -extend(raw);
            case HIGHER_OR_ZERO_SAFE -> raw == 0 ? 0 : (1L << width) - raw;
            case EXACT -> raw == safeValue ? -1 : raw;
            default -> extend(raw);
        };
    }

    /** Name of register and field, as {@code ID_AA64PFR0_EL1.SVE}. */
    public String qualifiedName() {
        return name.isEmpty() ? register.name() : register.name() + "." + name;
    }

    private long extend(long raw) {
        return signed && ((raw >>> (width - 1)) & 1) != 0 ? raw - (1L << width) : raw;
    }

    private long mask() {
        return width == 64 ? -1L : (1L << width) - 1;
    }
}
