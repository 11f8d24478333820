package dev.vmabi.abi;

import java.util.Arrays;
import java.util.OptionalLong;

/**
 * The values that a register takes, where nibbles do not say it. Each rule is closed under {@link #meet}, which is
 * commutative, associative and idempotent.
 */
sealed interface ValueRule {

    boolean takes(long value);

    /** The values that both take; the other must be of the same kind. */
    ValueRule meet(ValueRule other);

    /** The value to pin: taken, and the most it may promise; empty if there is none. */
    OptionalLong greatest();

    /** What a taken value reads as afterwards. */
    long landed(long value);

    /**
     * A firmware register: PSCI version or workaround level, a set of values.
     *
     * @param taken sorted
     * @param faithful those of them that read back as written and are not above the host's default; sorted
     * @param host the host's value, which an altered one reads as
     */
    @SuppressWarnings("ArrayRecordComponent") // compared by nobody, and on a hot path
    record OneOf(long[] taken, long[] faithful, long host) implements ValueRule {
        @Override
        public boolean takes(long value) {
            return Arrays.binarySearch(taken, value) >= 0;
        }

        @Override
        public ValueRule meet(ValueRule other) {
            OneOf o = (OneOf) other;
            return new OneOf(
                    Ids.intersect(taken, o.taken), Ids.intersect(faithful, o.faithful), Math.min(host, o.host));
        }

        @Override
        public OptionalLong greatest() {
            // Not one that is merely taken: a VM born where it reads otherwise is refused where it does not.
            return faithful.length == 0 ? OptionalLong.empty() : OptionalLong.of(faithful[faithful.length - 1]);
        }

        @Override
        public long landed(long value) {
            return Arrays.binarySearch(faithful, value) >= 0 || value > host ? value : host;
        }
    }

    /**
     * A hypercall bitmap.
     *
     * @param may1 bits that may be set
     * @param may0 bits that may be clear
     * @param shown bits that the default sets; a bit that is clear by default is not offered to everybody
     */
    record Bits(long may1, long may0, long shown) implements ValueRule {
        @Override
        public boolean takes(long value) {
            return (value & ~may1) == 0 && (~value & ~may0) == 0;
        }

        @Override
        public ValueRule meet(ValueRule other) {
            Bits o = (Bits) other;
            return new Bits(may1 & o.may1, may0 & o.may0, shown & o.shown);
        }

        @Override
        public OptionalLong greatest() {
            long value = (may1 & shown) | ~may0;
            return takes(value) ? OptionalLong.of(value) : OptionalLong.empty();
        }

        @Override
        public long landed(long value) {
            return value;
        }
    }

    /**
     * CCSIDR_EL1 of one cache: hardware's and fixed before Linux 6.3, since then any value whose line is not shorter
     * than CTR_EL0 says ({@code set_ccsidr}).
     *
     * @param fixed whether only {@code candidate} is taken
     * @param leastLine least LineSize field (log2 bytes - 4)
     * @param candidate a taken value, the one to pin
     */
    record CacheGeometry(boolean fixed, int leastLine, long candidate) implements ValueRule {
        @Override
        public boolean takes(long value) {
            return fixed ? value == candidate : (value >>> 32) == 0 && line(value) >= leastLine;
        }

        @Override
        public ValueRule meet(ValueRule other) {
            CacheGeometry o = (CacheGeometry) other;
            int line = Math.max(leastLine, o.leastLine);
            if (fixed != o.fixed) {
                return new CacheGeometry(true, line, fixed ? candidate : o.candidate);
            }
            if (fixed && candidate != o.candidate) {
                return new CacheGeometry(true, Integer.MAX_VALUE, Math.min(candidate, o.candidate));
            }
            return new CacheGeometry(fixed, line, before(candidate, o.candidate) ? candidate : o.candidate);
        }

        @Override
        public OptionalLong greatest() {
            return line(candidate) >= leastLine ? OptionalLong.of(candidate) : OptionalLong.empty();
        }

        @Override
        public long landed(long value) {
            return value;
        }

        private static int line(long value) {
            return (int) value & 7;
        }

        private static boolean before(long a, long b) {
            return line(a) != line(b) ? line(a) > line(b) : Long.compareUnsigned(a, b) <= 0;
        }
    }

    /**
     * CLIDR_EL1: hardware's and fixed before Linux 6.3, since then any value without reserved bits; one that implies
     * that the data cache needs no cleaning only where the host's CTR_EL0.IDC says so too ({@code set_clidr}).
     *
     * @param fixed whether only {@code candidate} is taken
     * @param needsCleaning whether CTR_EL0.IDC is 0
     * @param candidate a taken value, the one to pin
     */
    record CacheLevels(boolean fixed, boolean needsCleaning, long candidate) implements ValueRule {
        private static final long RESERVED = -1L << 47;

        @Override
        public boolean takes(long value) {
            return fixed ? value == candidate : (value & RESERVED) == 0 && !(needsCleaning && impliesNoCleaning(value));
        }

        @Override
        public ValueRule meet(ValueRule other) {
            CacheLevels o = (CacheLevels) other;
            boolean cleaning = needsCleaning || o.needsCleaning;
            if (fixed != o.fixed) {
                return new CacheLevels(true, cleaning, fixed ? candidate : o.candidate);
            }
            if (fixed && candidate != o.candidate) {
                return new CacheLevels(true, true, Math.min(candidate, o.candidate) | RESERVED);
            }
            return new CacheLevels(fixed, cleaning, before(candidate, o.candidate) ? candidate : o.candidate);
        }

        @Override
        public OptionalLong greatest() {
            boolean sound = (candidate & RESERVED) == 0 && !(needsCleaning && impliesNoCleaning(candidate));
            return sound ? OptionalLong.of(candidate) : OptionalLong.empty();
        }

        @Override
        public long landed(long value) {
            return value;
        }

        private static boolean before(long a, long b) {
            boolean implied = impliesNoCleaning(a);
            return implied != impliesNoCleaning(b) ? !implied : Long.compareUnsigned(a, b) <= 0;
        }

        private static boolean impliesNoCleaning(long value) {
            boolean loc = ((value >>> 24) & 7) == 0;
            boolean unification = ((value >>> 21) & 7) == 0 && ((value >>> 27) & 7) == 0;
            return loc || unification;
        }
    }

    /**
     * A register whose write always succeeds.
     *
     * @param host the host's value, or the least of several hosts'
     * @param capped whether a greater value reads as the host's, on one host at least (PMCR_EL0.N)
     */
    record Anything(long host, boolean capped) implements ValueRule {
        @Override
        public boolean takes(long value) {
            return true;
        }

        @Override
        public ValueRule meet(ValueRule other) {
            Anything o = (Anything) other;
            return new Anything(Long.compareUnsigned(host, o.host) <= 0 ? host : o.host, capped || o.capped);
        }

        @Override
        public OptionalLong greatest() {
            return OptionalLong.of(host);
        }

        @Override
        public long landed(long value) {
            return capped && Long.compareUnsigned(value, host) > 0 ? host : value;
        }
    }
}
