package dev.vmabi.operator.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FiveASecondTest {
    private long nanos = 7;
    private final FiveASecond limiter = new FiveASecond(() -> nanos);
    private final FiveASecond.Second policy = limiter.initState();

    @Test
    void fiveAtOnceAndTheSixthWhenTheSecondIsOver() {
        assertThat(taken(9)).isEqualTo(5);
        pass(Duration.ofMillis(400));
        assertThat(limiter.isLimited(policy)).contains(Duration.ofMillis(600));
        pass(Duration.ofMillis(600));
        assertThat(limiter.isLimited(policy)).isEmpty();
    }

    @Test
    void nobodySavesUp() {
        pass(Duration.ofMinutes(1));
        assertThat(taken(9)).isEqualTo(5);
        pass(Duration.ofSeconds(1));
        assertThat(taken(9)).isEqualTo(5);
    }

    @Test
    void policiesDoNotWaitForEachOther() {
        assertThat(taken(9)).isEqualTo(5);
        assertThat(limiter.isLimited(limiter.initState())).isEmpty();
    }

    private long taken(int asked) {
        return IntStream.range(0, asked)
                .filter(i -> limiter.isLimited(policy).isEmpty())
                .count();
    }

    private void pass(Duration time) {
        nanos += time.toNanos();
    }
}
