package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class WallClockTest {
    private Instant shown = Instant.parse("2026-01-01T00:00:00Z");
    private Duration passed = Duration.ZERO;
    private final WallClock clock = new WallClock(clock(() -> shown), () -> passed.toNanos());

    @Test
    void timeThatPassesSetsNothingBack() {
        pass(Duration.ofHours(3));
        assertThat(clock.wasSetBack()).isFalse();
    }

    @Test
    void setBackIsToldOnce() {
        shown = shown.minus(Duration.ofHours(2));
        pass(Duration.ofMillis(50));
        assertThat(clock.wasSetBack()).isTrue();
        pass(Duration.ofMillis(50));
        assertThat(clock.wasSetBack()).isFalse();
    }

    @Test
    void setBackThoughMoreTimeHasPassedThanThat() {
        pass(Duration.ofHours(3));
        shown = shown.minus(Duration.ofHours(2));
        assertThat(clock.wasSetBack()).isTrue();
    }

    @Test
    void setAheadAloneIsNothing() {
        shown = shown.plus(Duration.ofHours(2));
        assertThat(clock.wasSetBack()).isFalse();
        shown = shown.minus(Duration.ofHours(2));
        assertThat(clock.wasSetBack()).isTrue();
    }

    @Test
    void smallStepsAddUp() {
        shown = shown.minusMillis(600);
        assertThat(clock.wasSetBack()).isFalse();
        shown = shown.minusMillis(600);
        assertThat(clock.wasSetBack()).isTrue();
    }

    private void pass(Duration time) {
        shown = shown.plus(time);
        passed = passed.plus(time);
    }

    private static Clock clock(InstantSource source) {
        return source.withZone(ZoneOffset.UTC);
    }
}
