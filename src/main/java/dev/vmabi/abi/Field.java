package dev.vmabi.abi;

/**
 * A bit range of a register with its order.
 *
 * @param register the register
 * @param name Arm's name; empty for a register taken as a whole
 * @param shift least significant bit
 * @param width in bits, 1 to 64
 * @param signed whether values are sign-extended before they are compared
 * @param policy which of two values is the safe one
 * @param safeValue the safe encoding of an {@link Policy#EXACT} field
 */
public record Field(
        RegisterId register, String name, int shift, int width, boolean signed, Policy policy, long safeValue) {

    /** The raw encoding of this field in a register value. */
    public long raw(long value) {
        return (value >>> shift) & mask();
    }

    /** The value that compares: sign-extended where the field is signed. */
    public long comparable(long value) {
        long raw = raw(value);
        return signed && ((raw >>> (width - 1)) & 1) != 0 ? raw - (1L << width) : raw;
    }

    /** {@code value} with this field replaced. */
    public long insert(long value, long raw) {
        return (value & ~(mask() << shift)) | ((raw & mask()) << shift);
    }

    private long mask() {
        return width == 64 ? -1L : (1L << width) - 1;
    }
}
