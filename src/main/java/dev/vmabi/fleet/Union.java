package dev.vmabi.fleet;

import java.util.List;
import java.util.Map;

/** Sorted maps without a key in common, seen as one. */
record Union<V>(List<PersistentMap<String, V>> parts) {
    Union {
        parts = List.copyOf(parts);
    }

    int size() {
        return parts.stream().mapToInt(PersistentMap::size).sum();
    }

    boolean isEmpty() {
        return parts.stream().allMatch(PersistentMap::isEmpty);
    }

    /** The first by key, at most so many. */
    List<V> first(int most) {
        return parts.stream()
                .flatMap(p -> p.entrySet().stream().limit(most))
                .sorted(Map.Entry.comparingByKey())
                .limit(most)
                .map(Map.Entry::getValue)
                .toList();
    }

    /** All of them by key. */
    List<V> all() {
        return first(size());
    }
}
