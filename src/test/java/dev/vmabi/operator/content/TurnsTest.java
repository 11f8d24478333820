package dev.vmabi.operator.content;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TurnsTest {
    private final Turns turns = new Turns(2);
    private final List<String> called = new ArrayList<>();

    private boolean take(String who) {
        return turns.tryAcquire(who, () -> called.add(who));
    }

    @Test
    void whoWaitsIsCalledInOrderAndOnce() {
        assertThat(take("a")).isTrue();
        assertThat(take("b")).isTrue();
        assertThat(take("c")).isFalse();
        assertThat(take("d")).isFalse();
        assertThat(take("c")).as("asks again on its own").isFalse();
        turns.release();
        assertThat(called).containsExactly("c");
        turns.release();
        assertThat(called).containsExactly("c", "d");
        assertThat(take("c")).isTrue();
        assertThat(take("d")).isTrue();
        turns.release();
        turns.release();
        assertThat(called).containsExactly("c", "d");
    }

    @Test
    void whoGotATurnMeanwhileIsNotCalled() {
        assertThat(take("a")).isTrue();
        assertThat(take("b")).isTrue();
        assertThat(take("c")).isFalse();
        assertThat(take("d")).isFalse();
        turns.release();
        turns.release();
        called.clear();
        assertThat(take("x")).isTrue();
        assertThat(take("y")).isTrue();
        assertThat(take("d")).isFalse();
        assertThat(take("e")).isFalse();
        turns.release();
        assertThat(called).containsExactly("d");
        assertThat(take("e")).as("faster than d").isTrue();
        turns.release();
        assertThat(called).as("e waits no longer").containsExactly("d");
    }

    @Test
    void thousandsAllHaveTheirTurnAndNeverMoreThanThatManyAtOnce() throws InterruptedException {
        int all = 5_000;
        CountDownLatch left = new CountDownLatch(all);
        AtomicInteger now = new AtomicInteger();
        Queue<Integer> mostNow = new ConcurrentLinkedQueue<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(16)) {
            for (int i = 0; i < all; i++) {
                String who = "object " + i;
                threads.execute(() -> work(threads, who, now, mostNow, left));
            }
            assertThat(left.await(1, TimeUnit.MINUTES)).isTrue();
        }
        assertThat(mostNow).hasSize(all).allMatch(n -> n <= 2);
    }

    private void work(
            ExecutorService threads, String who, AtomicInteger now, Queue<Integer> mostNow, CountDownLatch left) {
        if (turns.tryAcquire(who, () -> threads.execute(() -> work(threads, who, now, mostNow, left)))) {
            mostNow.add(now.incrementAndGet());
            now.decrementAndGet();
            turns.release();
            left.countDown();
        }
    }
}
