package dev.vmabi.operator.content;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Since when content-addressed objects have been unused, so that one is collected only after a grace time. */
final class Unused {
    /** Long enough for an agent or operator that is away for a while to come back to what it referred to. */
    static final Duration GRACE = Duration.ofHours(1);

    private final Map<String, Instant> since = new ConcurrentHashMap<>();

    /** Notes whether the object is used now. Returns how long it still has; empty if it is used. */
    Optional<Duration> remaining(String name, boolean used, Instant now) {
        if (used) {
            since.remove(name);
            return Optional.empty();
        }
        Instant first = since.computeIfAbsent(name, n -> now);
        return Optional.of(Duration.between(now, first.plus(GRACE)));
    }

    void forget(String name) {
        since.remove(name);
    }
}
