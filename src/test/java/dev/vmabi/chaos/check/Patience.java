package dev.vmabi.chaos.check;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** How long each thing has not been as it must be, and which of them for too long. */
final class Patience {
    /**
     * What one look can count at most: where a look comes late, the operator may have had to wait for a processor as well.
     */
    private static final Duration MOST_COUNTED = Duration.ofMillis(300);

    private record Open(Instant since, Duration counted, boolean told) {}

    private final Duration grace;
    private final Map<Mismatch, Open> open = new LinkedHashMap<>();
    private final List<Duration> mended = new ArrayList<>();
    private Instant last = Instant.MIN;

    /** @param grace how much of the time in which it could have been mended something may stay wrong */
    Patience(Duration grace) {
        this.grace = grace;
    }

    /**
     * Takes what is wrong now. Returns what has been so for too long, each once.
     *
     * @param able whether somebody could have mended it since the last look
     */
    List<Mismatch> look(List<Mismatch> wrong, Instant now, boolean able) {
        Duration passed = last.equals(Instant.MIN) ? Duration.ZERO : Duration.between(last, now);
        Duration counts = !able ? Duration.ZERO : passed.compareTo(MOST_COUNTED) > 0 ? MOST_COUNTED : passed;
        last = now;
        Set<Mismatch> present = Set.copyOf(wrong);
        open.entrySet().removeIf(e -> {
            boolean gone = !present.contains(e.getKey());
            if (gone) {
                mended.add(e.getValue().counted());
            }
            return gone;
        });
        List<Mismatch> overdue = new ArrayList<>();
        for (Mismatch one : present) {
            Open before = open.getOrDefault(one, new Open(now, Duration.ZERO, false));
            Duration counted = open.containsKey(one) ? before.counted().plus(counts) : Duration.ZERO;
            boolean late = counted.compareTo(grace) > 0;
            if (late && !before.told()) {
                overdue.add(one);
            }
            open.put(one, new Open(before.since(), counted, before.told() || late));
        }
        return overdue;
    }

    /** Since when the oldest thing that is wrong has been; empty if nothing is. */
    Optional<Instant> oldest() {
        return open.values().stream().map(Open::since).min(Comparator.naturalOrder());
    }

    /** For each thing that was mended, how much of the time it took counts. */
    List<Duration> mended() {
        return List.copyOf(mended);
    }
}
