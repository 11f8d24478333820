package dev.vmabi.abi;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** How a kernel answered the writes tried on one register, each a single change from the default. */
public sealed interface TakenRegister {

    /** A kernel's answer to one write. */
    enum Answer {
        /** Taken, and read back as written. */
        TAKEN('A'),
        /** Taken, but reads otherwise. */
        ALTERED('S'),
        /** {@code KVM_SET_ONE_REG} failed. */
        REFUSED('E');

        private final char letter;

        Answer(char letter) {
            this.letter = letter;
        }

        public char letter() {
            return letter;
        }

        /**
         * The answer written as {@code A}, {@code S} or {@code E}.
         *
         * @throws IllegalArgumentException for any other letter
         */
        public static Answer of(char letter) {
            for (Answer answer : values()) {
                if (answer.letter == letter) {
                    return answer;
                }
            }
            throw new IllegalArgumentException("answer '" + letter + "' is not one of A, S, E");
        }
    }

    /**
     * A register tried nibble by nibble.
     *
     * @param defaultTaken whether writing back what was read was taken
     * @param nibbles by shift (0, 4 ... 60), 16 letters for the values 0 to 15; a nibble that takes only its default
     *     is left out
     */
    record Nibbles(boolean defaultTaken, SortedMap<Integer, String> nibbles) implements TakenRegister {
        public Nibbles {
            nibbles.forEach((shift, letters) -> {
                if (shift < 0 || shift > 60 || shift % 4 != 0) {
                    throw new IllegalArgumentException("nibble shift " + shift + " must be a multiple of 4 up to 60");
                }
                if (letters.length() != 16) {
                    throw new IllegalArgumentException(
                            "nibble " + shift + " has " + letters.length() + " letters, not 16");
                }
                letters.chars().forEach(letter -> Answer.of((char) letter));
            });
            nibbles = Collections.unmodifiableSortedMap(new TreeMap<>(nibbles));
        }
    }

    /**
     * A hypercall bitmap, tried by flipping one bit.
     *
     * @param bits by bit number (0 to 63); a bit that is left out could not be flipped
     */
    record Bits(SortedMap<Integer, Answer> bits) implements TakenRegister {
        public Bits {
            bits.keySet().forEach(bit -> {
                if (bit < 0 || bit > 63) {
                    throw new IllegalArgumentException("bit " + bit + " must be 0 to 63");
                }
            });
            bits = Collections.unmodifiableSortedMap(new TreeMap<>(bits));
        }
    }

    /**
     * A firmware register, tried value by value.
     *
     * @param values by value; a value that is left out was refused
     */
    record Values(SortedMap<Long, Answer> values) implements TakenRegister {
        public Values {
            values = Collections.unmodifiableSortedMap(new TreeMap<>(values));
        }

        public static Values of(Map<Long, Answer> values) {
            return new Values(new TreeMap<>(values));
        }
    }
}
