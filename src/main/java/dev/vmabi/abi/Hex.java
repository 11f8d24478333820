package dev.vmabi.abi;

/** Strict reading of the hexadecimal that profiles and dumps are written in. */
final class Hex {

    static long parse(String text, String what) {
        if (!text.startsWith("0x") && !text.startsWith("0X")) {
            throw new IllegalArgumentException(what + " \"" + abbreviate(text) + "\" must start with 0x");
        }
        String digits = text.substring(2);
        if (digits.isEmpty() || digits.length() > 16) {
            throw new IllegalArgumentException(
                    what + " \"" + abbreviate(text) + "\" must have 1 to 16 hexadecimal digits (64 bits)");
        }
        for (int i = 0; i < digits.length(); i++) {
            if (Character.digit(digits.charAt(i), 16) < 0 || digits.charAt(i) > 'f') {
                throw new IllegalArgumentException(what + " \"" + abbreviate(text) + "\" is not hexadecimal");
            }
        }
        return Long.parseUnsignedLong(digits, 16);
    }

    static String abbreviate(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "...";
    }

    private Hex() {}
}
