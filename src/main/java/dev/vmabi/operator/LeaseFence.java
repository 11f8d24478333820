package dev.vmabi.operator;

import io.fabric8.kubernetes.client.http.AsyncBody;
import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import io.fabric8.kubernetes.client.http.Interceptor;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Lets no write leave a leader whose lease has run out by its own clock. One that was frozen goes on where it was, and
 * would write until its elector finds that another one leads.
 */
final class LeaseFence implements Interceptor {
    private final String path;
    private final long lasts;
    private final LongSupplier nanos;
    private final Runnable end;
    private volatile long sent;
    private volatile long renewed;
    private volatile boolean leads;

    /**
     * @param name of the lease
     * @param lasts how long others leave a lease alone that they see unchanged
     * @param nanos the clock that measures time passed, in nanoseconds
     * @param end told before a write that is not sent
     */
    LeaseFence(String name, Duration lasts, LongSupplier nanos, Runnable end) {
        this.path = "/leases/" + name;
        this.lasts = lasts.toNanos();
        this.nanos = nanos;
        this.end = end;
    }

    /** @throws IllegalStateException for a write that is not sent */
    @Override
    public void before(BasicBuilder builder, HttpRequest request, RequestTags tags) {
        if (request.method().equals("GET")) {
            return;
        }
        if (ofLease(request)) {
            // Others count from when they see the renewal, which is no earlier.
            sent = nanos.getAsLong();
        } else if (leads && nanos.getAsLong() - renewed > lasts) {
            end.run();
            throw new IllegalStateException("the lease has run out; nothing is written any more");
        }
    }

    @Override
    public void after(HttpRequest request, HttpResponse<?> response, AsyncBody.Consumer<List<ByteBuffer>> consumer) {
        if (!request.method().equals("GET") && ofLease(request) && response.isSuccessful()) {
            renewed = sent;
            leads = true;
        }
    }

    /** A lease is made by a POST to all of them. */
    private boolean ofLease(HttpRequest request) {
        String asked = request.uri().getPath();
        return asked.endsWith(path) || asked.endsWith("/leases");
    }
}
