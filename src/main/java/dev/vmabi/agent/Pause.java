package dev.vmabi.agent;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Waiting between attempts: doubling from one second to one minute, and jittered, so that thousands of agents do not
 * come back to an API server all at once.
 */
final class Pause {

    private static final Duration FIRST = Duration.ofSeconds(1);
    private static final Duration GREATEST = Duration.ofMinutes(1);

    private Duration bound = FIRST;
    private Duration next = jittered(FIRST);
    private boolean ended;

    /** How long the next {@link #sleep} takes. */
    synchronized Duration next() {
        return next;
    }

    /** Waits, or returns at once if {@link #end} was called since the last wait. */
    synchronized void sleep() {
        long until = System.nanoTime() + next.toNanos();
        try {
            while (!ended && until - System.nanoTime() > 0) {
                wait(Math.max(1, (until - System.nanoTime()) / 1_000_000));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        ended = false;
        bound = bound.multipliedBy(2).compareTo(GREATEST) < 0 ? bound.multipliedBy(2) : GREATEST;
        next = jittered(bound);
    }

    /** Something worked: the next wait is short again. */
    synchronized void reset() {
        bound = FIRST;
        next = jittered(FIRST);
    }

    /** Cuts the present wait, or the next one, short. */
    synchronized void end() {
        ended = true;
        notifyAll();
    }

    /** How long a watch is asked to last: 20 to 30 minutes. */
    static Duration watchTime() {
        return Duration.ofSeconds(ThreadLocalRandom.current().nextInt(1200, 1800));
    }

    private static Duration jittered(Duration bound) {
        return Duration.ofMillis(ThreadLocalRandom.current().nextLong(bound.toMillis() / 2, bound.toMillis() + 1));
    }
}
