package dev.vmabi.chaos;

import static dev.vmabi.chaos.TappedPool.HOST;
import static dev.vmabi.chaos.TappedPool.PATIENCE;
import static dev.vmabi.chaos.TappedPool.POOL;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmabi.demo.Story;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** An operator that began with a wrong clock goes on when it is put right, two hours back: with what it had to try again and all else. */
class ClockSetBackIT {
    private static final Duration WRONG_BY = Duration.ofHours(2);
    /** Long enough for the operator to try and be refused; with the next, too short for it to lose its lease. */
    private static final Duration REFUSED = Duration.ofSeconds(4);
    /** The process looks at its clock's offset once a second. */
    private static final Duration SEEN = Duration.ofSeconds(2);

    private static final int NODES_WHILE_WRONG = 4;
    private static final int NODES_AFTER = 8;

    @Test
    void nothingWaitsForTheOldTime() {
        try (TappedPool pool = new TappedPool()) {
            if (pool.clock().isEmpty()) {
                System.out.println("ClockSetBackIT is skipped: there is no libfaketime here");
            }
            assumeTrue(pool.clock().isPresent(), "no libfaketime");
            FakeClock clock = pool.clock().orElseThrow();
            clock.jump(WRONG_BY);
            pool.start();
            awaitAccepting(pool, 1);
            join(pool, 2, NODES_WHILE_WRONG);

            pool.tap().writes(Tap.Trouble.FORBIDDEN);
            pool.nodes().join("late", POOL, HOST);
            Story.pause(REFUSED);
            clock.jump(Duration.ZERO);
            Story.pause(SEEN);
            pool.tap().writes(Tap.Trouble.NONE);
            awaitAccepting(pool, NODES_WHILE_WRONG + 1);

            join(pool, NODES_WHILE_WRONG + 2, NODES_AFTER);
        }
    }

    /** One after the other, so that the policy's status is written for each. */
    private static void join(TappedPool pool, int first, int last) {
        for (int i = first; i <= last; i++) {
            pool.nodes().join("n" + i, POOL, HOST);
            awaitAccepting(pool, i);
        }
    }

    private static void awaitAccepting(TappedPool pool, int nodes) {
        await(nodes + " nodes to accept").atMost(PATIENCE).until(() -> pool.accepting() == nodes);
    }
}
