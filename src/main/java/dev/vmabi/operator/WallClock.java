package dev.vmabi.operator;

import java.time.Clock;
import java.util.function.LongSupplier;

/**
 * Notices when the wall clock is set back. The Operator SDK 5.3.2 times retries and later looks by it
 * ({@link java.util.Timer}): what was to happen in a second would happen when the old time has come again.
 */
final class WallClock {
    private static final long AT_LEAST_MILLIS = 1_000;

    private final Clock clock;
    private final LongSupplier nanos;
    private long highestLead;

    /** @param nanos the clock that measures time passed, in nanoseconds */
    WallClock(Clock clock, LongSupplier nanos) {
        this.clock = clock;
        this.nanos = nanos;
        highestLead = lead();
    }

    /** Whether it was set back, by a second or more, since this was last true. */
    boolean wasSetBack() {
        long now = lead();
        boolean back = highestLead - now >= AT_LEAST_MILLIS;
        highestLead = back ? now : Math.max(highestLead, now);
        return back;
    }

    private long lead() {
        return clock.millis() - nanos.getAsLong() / 1_000_000;
    }
}
