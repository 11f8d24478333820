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
    private final LeaseRequests requests;
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
        this.requests = new LeaseRequests(name);
        this.lasts = lasts.toNanos();
        this.nanos = nanos;
        this.end = end;
    }

    /** @throws IllegalStateException for a write that is not sent */
    @Override
    public void before(BasicBuilder builder, HttpRequest request, RequestTags tags) {
        if (requests.writes(request)) {
            // Others count from when they see the renewal, which is no earlier.
            sent = nanos.getAsLong();
        } else if (leads && !LeaseRequests.isGet(request) && nanos.getAsLong() - renewed > lasts) {
            end.run();
            throw new IllegalStateException("the lease has run out; nothing is written any more");
        }
    }

    @Override
    public void after(HttpRequest request, HttpResponse<?> response, AsyncBody.Consumer<List<ByteBuffer>> consumer) {
        if (requests.writes(request) && response.isSuccessful()) {
            renewed = sent;
            leads = true;
        }
    }
}
