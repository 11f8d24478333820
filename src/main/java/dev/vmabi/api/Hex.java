package dev.vmabi.api;

import dev.vmabi.abi.RegisterId;
import java.util.HexFormat;

/** The hexadecimal of the custom resources: 0x and 16 digits, with errors that name the field. */
final class Hex {

    /** Pattern of a register id. */
    static final String ID = "^0x[0-9a-f]{16}$";

    /** Pattern of a register value. */
    static final String VALUE = "^0x[0-9a-f]{1,16}$";

    static String of(long value) {
        return "0x" + HexFormat.of().toHexDigits(value);
    }

    static RegisterId registerId(String field, String text) {
        try {
            return RegisterId.parse(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(field + ": " + e.getMessage(), e);
        }
    }

    static long value(String field, String text) {
        try {
            return RegisterId.parseValue(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(field + ": " + e.getMessage(), e);
        }
    }

    private Hex() {}
}
