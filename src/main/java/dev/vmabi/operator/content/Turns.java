package dev.vmabi.operator.content;

import java.util.LinkedHashMap;
import java.util.Map;

/** Lets a few at a time, and calls those that had to wait in the order in which they came. */
final class Turns {
    private final int most;
    private final Map<String, Runnable> waiting = new LinkedHashMap<>();
    private int taken;

    /** @param most who may have their turn at one time */
    Turns(int most) {
        this.most = most;
    }

    /**
     * Takes a turn, to be released. Returns false if all are taken.
     *
     * @param again has who had to wait ask again; called once, after a turn was released
     */
    synchronized boolean tryAcquire(String who, Runnable again) {
        if (taken == most) {
            waiting.putIfAbsent(who, again);
            return false;
        }
        waiting.remove(who);
        taken++;
        return true;
    }

    void release() {
        Map.Entry<String, Runnable> next;
        synchronized (this) {
            taken--;
            next = waiting.isEmpty() ? null : waiting.entrySet().iterator().next();
            if (next != null) {
                waiting.remove(next.getKey());
            }
        }
        if (next != null) {
            next.getValue().run();
        }
    }
}
