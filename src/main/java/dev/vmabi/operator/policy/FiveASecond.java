package dev.vmabi.operator.policy;

import io.javaoperatorsdk.operator.processing.event.rate.RateLimiter;
import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Lets a policy be reconciled {@value #MOST} times in a second. By the clock that measures time passed: the Operator SDK's own
 * limiter (5.3.2) goes by the wall clock, and lets nothing happen at all while that shows a time before the last reconciliations.
 */
public final class FiveASecond implements RateLimiter<FiveASecond.Second> {
    private static final int MOST = 5;
    private static final long LASTS = Duration.ofSeconds(1).toNanos();

    private final LongSupplier nanos;

    /** Made by the Operator SDK. */
    public FiveASecond() {
        this(System::nanoTime);
    }

    FiveASecond(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** One policy's present second. */
    static final class Second implements RateLimiter.RateLimitState {
        private long began;
        private int count;
    }

    @Override
    public Second initState() {
        Second second = new Second();
        second.began = nanos.getAsLong();
        return second;
    }

    @Override
    public Optional<Duration> isLimited(RateLimitState state) {
        Second second = (Second) state;
        long passed = nanos.getAsLong() - second.began;
        if (passed >= LASTS) {
            second.began += passed;
            second.count = 0;
        } else if (second.count == MOST) {
            return Optional.of(Duration.ofNanos(LASTS - passed));
        }
        second.count++;
        return Optional.empty();
    }
}
