package dev.vmabi.chaos.check;

import java.util.function.BiConsumer;

/**
 * Who may write. Fed by what goes over the wire of each operator: a write that leaves one operator after the server has
 * given the lease to another is one too many.
 */
public final class Writers {
    private final BiConsumer<String, String> broken;
    private String holder = "";

    Writers(BiConsumer<String, String> broken) {
        this.broken = broken;
    }

    /** The server has taken this operator's write of the lease. */
    public synchronized void leads(String operator) {
        holder = operator;
    }

    public synchronized String holder() {
        return holder;
    }

    /** Whether this operator, which is about to send a write, holds the lease; every replica may write what it serves with. */
    public synchronized boolean mayWrite(String operator, String path) {
        return holder.equals(operator)
                || path.contains("/leases")
                || path.contains("/secrets")
                || path.contains("/events")
                || path.contains("/mutatingwebhookconfigurations")
                || path.contains("/selfsubject");
    }

    /** A write that this operator sent without the lease was taken. */
    public void tookUnled(String operator, String method, String path) {
        broken.accept("operator " + operator, "wrote without the lease: " + method + " " + path);
    }
}
