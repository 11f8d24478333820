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
import java.util.stream.Collectors;

/** How long each thing has not been as it must be, and which of them for too long. */
final class Patience {
    /** @param most as many things of its sort were wrong at one time while it was */
    private record Open(Instant since, Duration counted, long most, boolean told) {}

    /** Who has a thousand things to put right is done with the last one later: fifty a second, of content ten. */
    private static final Duration EACH = Duration.ofMillis(20);

    private static final Duration EACH_OF_CONTENT = Duration.ofMillis(100);

    private final Duration grace;
    private final Map<Mismatch, Open> open = new LinkedHashMap<>();
    private final List<Duration> mended = new ArrayList<>();

    /** @param grace how much of the time in which it could have been mended something may stay wrong if little is */
    Patience(Duration grace) {
        this.grace = grace;
    }

    /**
     * Takes what is wrong now. Returns what has been so for too long, each once.
     *
     * @param counts how much more of the time until now somebody could have mended something in
     */
    List<Mismatch> look(List<Mismatch> wrong, Instant now, Duration counts) {
        Set<Mismatch> present = Set.copyOf(wrong);
        open.entrySet().removeIf(e -> {
            boolean gone = !present.contains(e.getKey());
            if (gone) {
                mended.add(e.getValue().counted());
            }
            return gone;
        });
        Map<Boolean, Long> atOnce =
                present.stream().collect(Collectors.partitioningBy(Mismatch::ofContent, Collectors.counting()));
        List<Mismatch> overdue = new ArrayList<>();
        for (Mismatch one : present) {
            Open before = open.getOrDefault(one, new Open(now, Duration.ZERO, 0, false));
            Duration lasted = Duration.between(before.since(), now);
            Duration counted = before.counted().plus(counts.compareTo(lasted) > 0 ? lasted : counts);
            long most = Math.max(before.most(), atOnce.get(one.ofContent()));
            Duration each = one.ofContent() ? EACH_OF_CONTENT : EACH;
            boolean late = counted.compareTo(grace.plus(each.multipliedBy(most))) > 0;
            if (late && !before.told()) {
                overdue.add(one);
            }
            open.put(one, new Open(before.since(), counted, most, before.told() || late));
        }
        return overdue;
    }

    /** Since when this thing, which is wrong, has been. */
    Instant since(Mismatch wrong) {
        return open.get(wrong).since();
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
