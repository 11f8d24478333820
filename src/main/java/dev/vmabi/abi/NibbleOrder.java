package dev.vmabi.abi;

import java.util.List;

/** The order of the 16 values of one nibble of a register, from the fields that lie in it. */
final class NibbleOrder {

    /** For each value, the set (one bit each) of values that promise a guest no more. */
    private final int[] notAbove = new int[16];

    private final long[] rank = new long[16];

    NibbleOrder(List<Field> fields, int shift) {
        List<Field> overlapping = fields.stream()
                .filter(f -> f.shift() < shift + 4 && f.shift() + f.width() > shift)
                .toList();
        boolean single = overlapping.size() == 1
                && overlapping.getFirst().shift() == shift
                && overlapping.getFirst().width() == 4;
        for (int b = 0; b < 16; b++) {
            for (int a = 0; a < 16; a++) {
                if (notAbove(overlapping, shift, a, b)) {
                    notAbove[b] |= 1 << a;
                }
            }
            rank[b] = single ? overlapping.getFirst().rank(b) : b;
        }
    }

    int notAbove(int value) {
        return notAbove[value];
    }

    /** Whether no value promises less than another: there is nothing but equal and unequal. */
    boolean isExact() {
        for (int v = 0; v < 16; v++) {
            if (notAbove[v] != 1 << v) {
                return false;
            }
        }
        return true;
    }

    /** The value of greatest rank in a set, -1 if the set is empty. */
    int greatest(int set) {
        int best = -1;
        for (int v = 0; v < 16; v++) {
            if (((set >>> v) & 1) != 0 && (best < 0 || rank[v] > rank[best])) {
                best = v;
            }
        }
        return best;
    }

    private static boolean notAbove(List<Field> fields, int shift, int a, int b) {
        int covered = 0;
        for (Field f : fields) {
            boolean inside = f.shift() >= shift && f.shift() + f.width() <= shift + 4;
            if (!inside) {
                continue;
            }
            int mask = ((1 << f.width()) - 1) << (f.shift() - shift);
            covered |= mask;
            if (!f.notAbove((a & mask) >>> (f.shift() - shift), (b & mask) >>> (f.shift() - shift))) {
                return false;
            }
        }
        return (a & ~covered & 0xF) == (b & ~covered & 0xF);
    }
}
