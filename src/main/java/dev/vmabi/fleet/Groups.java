package dev.vmabi.fleet;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;

/** Named things by what they are alike in. Immutable; no group is empty. */
final class Groups<K, V> {
    private final Map<K, PersistentMap<String, V>> groups;

    private Groups(Map<K, PersistentMap<String, V>> groups) {
        this.groups = Collections.unmodifiableMap(groups);
    }

    static <K, V> Groups<K, V> none() {
        return new Groups<>(Map.of());
    }

    /** Every group, in no particular order. */
    Map<K, PersistentMap<String, V>> all() {
        return groups;
    }

    Change<K, V> change() {
        return new Change<>(new HashMap<>(groups));
    }

    /** Groups that are about to be. */
    static final class Change<K, V> {
        private final Map<K, PersistentMap<String, V>> changed;

        private Change(Map<K, PersistentMap<String, V>> changed) {
            this.changed = changed;
        }

        void add(K kind, String name, V value) {
            changed.merge(
                    kind, PersistentMap.<String, V>empty().with(name, value), (group, one) -> group.with(name, value));
        }

        void remove(K kind, String name) {
            changed.computeIfPresent(kind, (k, group) -> {
                PersistentMap<String, V> left = group.without(name);
                return left.isEmpty() ? null : left;
            });
        }

        Groups<K, V> done() {
            return new Groups<>(changed);
        }
    }
}
