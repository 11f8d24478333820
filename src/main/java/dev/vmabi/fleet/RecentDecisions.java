package dev.vmabi.fleet;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** The latest decisions of this replica's gate that touched a VM: for people to look at, gone with the process. */
public final class RecentDecisions {
    private static final int MOST = 200;

    /**
     * One decision.
     *
     * @param number counts from 1
     * @param hook {@code migration}, {@code pod} or {@code instance}
     * @param verdict {@code steer}, {@code impose}, {@code deny}, {@code audit}, or {@code allow} with a warning
     * @param reason one word, as in the metric {@code vmabi_admissions_total}
     * @param vm name of the VM, or of the pod where it is of another stack
     * @param text what the requester was told, where the VM is held, or what is imposed on it
     */
    public record Entry(
            long number,
            Instant at,
            String hook,
            String verdict,
            String reason,
            String namespace,
            String vm,
            String text) {}

    private final Deque<Entry> entries = new ArrayDeque<>(MOST);
    private final List<Consumer<Entry>> listeners = new CopyOnWriteArrayList<>();
    private long last;

    /** Told of each decision from now on, by the thread that answers it, and so not to be kept waiting. */
    public void listen(Consumer<Entry> listener) {
        listeners.add(listener);
    }

    public void add(Instant at, String hook, String verdict, String reason, String namespace, String vm, String text) {
        Entry entry = keep(at, hook, verdict, reason, namespace, vm, text);
        listeners.forEach(l -> l.accept(entry));
    }

    private synchronized Entry keep(
            Instant at, String hook, String verdict, String reason, String namespace, String vm, String text) {
        if (entries.size() == MOST) {
            entries.removeLast();
        }
        last++;
        Entry entry = new Entry(last, at, hook, verdict, reason, namespace, vm, text);
        entries.addFirst(entry);
        return entry;
    }

    /** The number of the last one; 0 for none. */
    public synchronized long last() {
        return last;
    }

    /** At most {@value #MOST}, the newest first. */
    public synchronized List<Entry> newestFirst() {
        return List.copyOf(entries);
    }
}
