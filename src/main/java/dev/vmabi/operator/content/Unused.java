package dev.vmabi.operator.content;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Since when content-addressed objects have been unused, so that one is collected only after a grace time. */
final class Unused {
    private final Map<String, Instant> since = new ConcurrentHashMap<>();

    /** Notes whether the object is used now. Returns how much of the grace time it still has; empty if it is used. */
    Optional<Duration> remaining(String name, boolean used, Instant now, Duration grace) {
        if (used) {
            since.remove(name);
            return Optional.empty();
        }
        Instant first = since.computeIfAbsent(name, n -> now);
        return Optional.of(Duration.between(now, first.plus(grace)));
    }

    void forget(String name) {
        since.remove(name);
    }
}
