package dev.vmabi.abi;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The vector lengths of {@code KVM_REG_ARM64_SVE_VLS}: the set of vq (length in quadwords, 1 to 512) a vCPU offers.
 * KVM takes a write only if it is the host's set cut off at some maximum.
 */
public final class SveVectorLengths {

    private static final int WORDS = 8;

    public static final SveVectorLengths NONE = new SveVectorLengths(new long[WORDS]);

    private final long[] words;

    private SveVectorLengths(long[] words) {
        this.words = words;
    }

    /**
     * From the register's words, least significant first.
     *
     * @throws IllegalArgumentException if there are more than 8
     */
    public static SveVectorLengths ofWords(long... words) {
        if (words.length > WORDS) {
            throw new IllegalArgumentException("SVE vector lengths have at most 8 words, not " + words.length);
        }
        return new SveVectorLengths(Arrays.copyOf(words, WORDS));
    }

    /** The register's 8 words, least significant first. */
    public long[] words() {
        return words.clone();
    }

    public boolean isEmpty() {
        return maxVq() == 0;
    }

    /** The greatest vq, 0 if there is none. */
    public int maxVq() {
        for (int w = WORDS - 1; w >= 0; w--) {
            if (words[w] != 0) {
                return w * 64 + 64 - Long.numberOfLeadingZeros(words[w]);
            }
        }
        return 0;
    }

    public boolean has(int vq) {
        return vq >= 1 && vq <= WORDS * 64 && (words[(vq - 1) / 64] >>> (vq - 1) % 64 & 1) != 0;
    }

    public IntStream vqs() {
        return IntStream.rangeClosed(1, maxVq()).filter(this::has);
    }

    /** What is left of this set at and below {@code maxVq}. */
    public SveVectorLengths upTo(int maxVq) {
        long[] cut = words.clone();
        for (int w = 0; w < WORDS; w++) {
            int bits = Math.clamp(maxVq - w * 64L, 0, 64);
            cut[w] &= bits == 64 ? -1L : (1L << bits) - 1;
        }
        return new SveVectorLengths(cut);
    }

    /** Whether a host with this set takes {@code wanted}: it must be this set cut off at its own maximum. */
    public boolean takes(SveVectorLengths wanted) {
        return wanted.equals(upTo(wanted.maxVq()));
    }

    /** The greatest set that hosts with this set and with {@code other} both take; empty if they share none. */
    public SveVectorLengths meet(SveVectorLengths other) {
        int agreed = 0;
        for (int vq = 1; vq <= Math.min(maxVq(), other.maxVq()) && has(vq) == other.has(vq); vq++) {
            agreed = vq;
        }
        return upTo(agreed);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof SveVectorLengths other && Arrays.equals(words, other.words);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(words);
    }

    /** Lengths in bits, as {@code 128,256,512}. */
    @Override
    public String toString() {
        return String.join(",", vqs().mapToObj(vq -> Integer.toString(vq * 128)).toList());
    }
}
