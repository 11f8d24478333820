package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * All objects with one revision counter, and per resource the last changes, from which watches and paged lists are
 * served. Objects in the store are never modified: a writer puts a new one in place of the one it has read.
 */
final class Store {
    /** Changes remembered per resource; a watch that resumes from before gets 410. */
    private static final int WINDOW = 10_000;

    /** @param resource as {@link ResourceType#groupResource()}; {@code namespace} is empty for cluster scope */
    record Key(String resource, String namespace, String name) {
        private String path() {
            return namespace + "/" + name;
        }
    }

    enum Kind {
        ADDED,
        MODIFIED,
        DELETED
    }

    /** @param object the new object, or the last one with the revision of its deletion */
    record Change(Kind kind, long revision, Key key, ObjectNode object, ObjectNode previous) {}

    record Listing(List<ObjectNode> objects, long revision) {}

    record Batch(List<Change> changes, long revision) {}

    private final class Table {
        private final TreeMap<String, ObjectNode> objects = new TreeMap<>();
        private final ArrayDeque<Change> log = new ArrayDeque<>();
        private final Condition changed = lock.newCondition();
        /** Changes up to this revision are no longer told to those who resume; running watches may still get them. */
        private long oldest = revision;

        private long dropped = revision;

        private void record(Change change) {
            log.add(change);
            if (log.size() > WINDOW) {
                dropped = log.removeFirst().revision();
                oldest = Math.max(oldest, dropped);
            }
            changed.signalAll();
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Table> tables = new HashMap<>();
    private final List<Consumer<Change>> listeners = new ArrayList<>();
    private long revision = 1;
    private int wakes;

    /** Calls the listener for every change, in order, while the store is locked: it must only take note. */
    void onChange(Consumer<Change> listener) {
        listeners.add(listener);
    }

    ObjectNode get(Key key) {
        lock.lock();
        try {
            return table(key.resource()).objects.get(key.path());
        } finally {
            lock.unlock();
        }
    }

    /** What the call names; 404 if it is not there. */
    ObjectNode require(Call call) {
        ObjectNode object = get(call.key());
        if (object == null) {
            throw ApiException.notFound(call.type(), call.name());
        }
        return object;
    }

    /**
     * Puts {@code next} (null: nothing) in place of {@code current} (null: nothing), given a resource version.
     *
     * @return what was stored, or for a deletion the last state; null if somebody else was faster
     */
    @SuppressWarnings("ReferenceEquality") // Stored objects never change: another one means that somebody wrote.
    ObjectNode commit(Key key, ObjectNode current, ObjectNode next) {
        lock.lock();
        try {
            Table table = table(key.resource());
            if (table.objects.get(key.path()) != current) {
                return null;
            }
            ObjectNode stored = (next == null ? current : next).deepCopy();
            revision++;
            Json.metadata(stored).put("resourceVersion", Long.toString(revision));
            Kind kind = current == null ? Kind.ADDED : next == null ? Kind.DELETED : Kind.MODIFIED;
            if (kind == Kind.DELETED) {
                table.objects.remove(key.path());
            } else {
                table.objects.put(key.path(), stored);
            }
            Change change = new Change(kind, revision, key, stored, current);
            table.record(change);
            listeners.forEach(listener -> listener.accept(change));
            return stored;
        } finally {
            lock.unlock();
        }
    }

    /**
     * The objects of a resource by namespace and name.
     *
     * @param namespace empty for all
     * @param at the revision to look at, rebuilt from the remembered changes; 0 for now
     * @throws ApiException 410 if that revision is no longer remembered
     */
    Listing list(String resource, String namespace, long at) {
        lock.lock();
        try {
            Table table = table(resource);
            if (at != 0 && at < table.oldest) {
                throw ApiException.gone(at, table.oldest);
            }
            NavigableMap<String, ObjectNode> objects = table.objects;
            if (at != 0 && at < revision) {
                objects = new TreeMap<>(objects);
                Iterator<Change> back = table.log.descendingIterator();
                while (back.hasNext()) {
                    Change change = back.next();
                    if (change.revision() <= at) {
                        break;
                    }
                    if (change.previous() == null) {
                        objects.remove(change.key().path());
                    } else {
                        objects.put(change.key().path(), change.previous());
                    }
                }
            }
            Collection<ObjectNode> found = namespace.isEmpty()
                    ? objects.values()
                    : objects.subMap(namespace + "/", namespace + "0").values();
            return new Listing(List.copyOf(found), at == 0 ? revision : at);
        } finally {
            lock.unlock();
        }
    }

    /** @throws ApiException 410 if a watch can no longer start after {@code revision} */
    void checkResumable(String resource, long revision) {
        lock.lock();
        try {
            Table table = table(resource);
            if (revision < table.oldest) {
                throw ApiException.gone(revision, table.oldest);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until something happened after revision {@code after}, at most {@code millis}.
     *
     * @throws ApiException 410 if the reader was so slow that changes were dropped
     */
    Batch changes(String resource, long after, long millis) throws InterruptedException {
        lock.lock();
        try {
            Table table = table(resource);
            if (after < table.dropped) {
                throw ApiException.gone(after, table.dropped);
            }
            int told = wakes;
            long nanos = TimeUnit.MILLISECONDS.toNanos(millis);
            while (nanos > 0
                    && told == wakes
                    && (table.log.isEmpty() || table.log.getLast().revision() <= after)) {
                nanos = table.changed.awaitNanos(nanos);
            }
            List<Change> changes = new ArrayList<>();
            Iterator<Change> back = table.log.descendingIterator();
            while (back.hasNext()) {
                Change change = back.next();
                if (change.revision() <= after) {
                    break;
                }
                changes.add(change);
            }
            return new Batch(changes.reversed(), revision);
        } finally {
            lock.unlock();
        }
    }

    /** Forgets all past changes: running watches go on, those that resume from before now get 410. */
    void compact() {
        lock.lock();
        try {
            revision++;
            tables.values().forEach(table -> table.oldest = revision);
        } finally {
            lock.unlock();
        }
    }

    /** Makes every running watch look up. */
    void wakeWatches() {
        lock.lock();
        try {
            wakes++;
            tables.values().forEach(table -> table.changed.signalAll());
        } finally {
            lock.unlock();
        }
    }

    /** Every object of every resource, for looking through on rare occasions. */
    Map<Key, ObjectNode> everything() {
        lock.lock();
        try {
            Map<Key, ObjectNode> all = new HashMap<>();
            tables.forEach((resource, table) -> table.objects.forEach((path, object) -> {
                int slash = path.indexOf('/');
                all.put(new Key(resource, path.substring(0, slash), path.substring(slash + 1)), object);
            }));
            return all;
        } finally {
            lock.unlock();
        }
    }

    private Table table(String resource) {
        return tables.computeIfAbsent(resource, r -> new Table());
    }
}
