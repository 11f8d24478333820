package dev.vmabi.abi;

/** Sorted arrays of register ids: the hot paths use these instead of maps. */
final class Ids {

    /** Index of {@code id}, or a negative number where {@code sorted} (unsigned order) lacks it. */
    static int indexOf(long[] sorted, long id) {
        int low = 0;
        int high = sorted.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int order = Long.compareUnsigned(sorted[middle], id);
            if (order == 0) {
                return middle;
            }
            if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1 - low;
    }

    /** The ids that both sorted arrays hold. */
    static long[] intersect(long[] a, long[] b) {
        long[] out = new long[Math.min(a.length, b.length)];
        int n = 0;
        for (int i = 0, j = 0; i < a.length && j < b.length; ) {
            int order = Long.compareUnsigned(a[i], b[j]);
            if (order == 0) {
                out[n++] = a[i++];
                j++;
            } else if (order < 0) {
                i++;
            } else {
                j++;
            }
        }
        return n == out.length ? out : java.util.Arrays.copyOf(out, n);
    }

    private Ids() {}
}
