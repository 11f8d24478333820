package dev.vmabi.scale;

import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.Story;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The operator from outside: what it wrote, what waits in its queue, what it costs. */
final class OperatorWatch {
    private static final Pattern WRITES = Pattern.compile("(?m)^vmabi_writes_total\\{kind=\"(\\w+)\"} (\\S+)$");
    private static final Pattern QUEUE = Pattern.compile("(?m)^reconciliations_queue\\{[^}]*} (\\S+)$");
    private static final Duration BETWEEN = Duration.ofMillis(250);
    private static final Duration HARDLY = Duration.ofMillis(50);
    private static final Duration PATIENCE = Duration.ofMinutes(20);

    private final OperatorProcess operator;
    private long deepest;

    OperatorWatch(OperatorProcess operator) {
        this.operator = operator;
    }

    OperatorProcess operator() {
        return operator;
    }

    /** Writes by kind since its start. */
    Map<String, Long> writes() {
        String metrics = operator.metrics();
        Map<String, Long> writes = new TreeMap<>();
        Matcher line = WRITES.matcher(metrics);
        while (line.find()) {
            writes.put(line.group(1), (long) Double.parseDouble(line.group(2)));
        }
        Matcher queue = QUEUE.matcher(metrics);
        long waiting = 0;
        while (queue.find()) {
            waiting += (long) Double.parseDouble(queue.group(1));
        }
        deepest = Math.max(deepest, waiting);
        return writes;
    }

    /** Waits until it has written so many of the kind since it had written {@code before}. */
    void awaitWrites(String kind, Map<String, Long> before, long more) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        long had = before.getOrDefault(kind, 0L);
        long has = had;
        while (System.nanoTime() < end) {
            try {
                has = writes().getOrDefault(kind, 0L);
            } catch (UncheckedIOException e) {
                System.out.println("   no metrics now: " + e.getMessage());
            }
            if (has - had >= more) {
                return;
            }
            Story.pause(BETWEEN);
        }
        throw new IllegalStateException("the operator wrote " + (has - had) + " of " + more + " " + kind + " in "
                + PATIENCE.toMinutes() + " min");
    }

    /** Waits until it has hardly used the processor for three seconds. */
    void awaitQuiet() {
        for (int quiet = 0; quiet < 3; ) {
            Duration before = cpu();
            Story.pause(Duration.ofSeconds(1));
            quiet = cpu().minus(before).compareTo(HARDLY) < 0 ? quiet + 1 : 0;
        }
    }

    /** The deepest queue that was seen since this was asked last. */
    long deepestQueue() {
        long was = deepest;
        deepest = 0;
        return was;
    }

    Duration cpu() {
        return operator.cpu();
    }
}
