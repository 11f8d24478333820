package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The latest view of each object of one kind. What this process has written is seen at once, and stays seen although
 * the watch may still tell of a time before it. Of equal views the first is kept, which others hold too.
 */
final class Latest<T> {

    private record Reading<T>(long version, boolean written, T view) {}

    private final Map<String, Reading<T>> readings = new HashMap<>();

    /** Takes what a watch told of an object. Returns whether that differs from what was known. */
    synchronized boolean told(String key, HasMetadata object, T view) {
        Reading<T> known = readings.get(key);
        long version = version(object);
        if (known != null && known.written() && version < known.version()) {
            return false;
        }
        boolean differs = known == null || !known.view().equals(view);
        readings.put(key, new Reading<>(version, false, differs ? view : known.view()));
        return differs;
    }

    /** Takes the server's answer to a write to a known object. Returns whether that differs from what was known. */
    synchronized boolean wrote(String key, HasMetadata object, T view) {
        Reading<T> known = readings.get(key);
        long version = version(object);
        if (known == null || version < known.version()) {
            return false;
        }
        boolean differs = !known.view().equals(view);
        readings.put(key, new Reading<>(version, true, differs ? view : known.view()));
        return differs;
    }

    /** Returns whether it was known. */
    synchronized boolean remove(String key) {
        return readings.remove(key) != null;
    }

    /** Forgets all. Returns what was known. */
    synchronized Set<String> clear() {
        Set<String> known = Set.copyOf(readings.keySet());
        readings.clear();
        return known;
    }

    synchronized Optional<T> get(String key) {
        return Optional.ofNullable(readings.get(key)).map(Reading::view);
    }

    /** The resource version of the object as it is known now. */
    synchronized Optional<String> version(String key) {
        return Optional.ofNullable(readings.get(key)).map(r -> String.valueOf(r.version()));
    }

    synchronized Set<String> keys() {
        return Set.copyOf(readings.keySet());
    }

    /** Resource versions of one kind are decimal numbers that grow (KEP-5504; so with etcd in every release). */
    private static long version(HasMetadata object) {
        return Long.parseLong(object.getMetadata().getResourceVersion());
    }
}
