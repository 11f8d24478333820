package dev.vmabi.chaos.check;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How long it took until all was right again, for each time that a fault ended. */
final class Recoveries {
    /** What is younger came by itself and is not left over from a fault. */
    private static final Duration YOUNG = Duration.ofSeconds(1);

    private record Ended(String fault, Instant at) {}

    private final List<Ended> open = new ArrayList<>();
    private final Map<String, List<Duration>> times = new LinkedHashMap<>();

    synchronized void ended(String fault, Instant at) {
        open.add(new Ended(fault, at));
    }

    /**
     * Takes what is so now.
     *
     * @param led when somebody was last seen to hold the lease
     * @param oldest since when the oldest thing has been wrong; empty if nothing is
     */
    synchronized void look(Instant now, Instant led, Optional<Instant> oldest) {
        boolean right = oldest.filter(o -> o.isBefore(now.minus(YOUNG))).isEmpty();
        open.removeIf(e -> {
            boolean done = right && led.isAfter(e.at());
            if (done) {
                times.computeIfAbsent(e.fault(), f -> new ArrayList<>()).add(Duration.between(e.at(), now));
            }
            return done;
        });
    }

    /** By fault. */
    synchronized Map<String, List<Duration>> times() {
        Map<String, List<Duration>> copy = new LinkedHashMap<>();
        times.forEach((fault, list) -> copy.put(fault, List.copyOf(list)));
        return copy;
    }

    synchronized boolean allDone() {
        return open.isEmpty();
    }
}
