package dev.vmabi.operator;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.http.AsyncBody;
import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.Interceptor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Keeps this replica from taking the lease of another one that lives. Fabric8's elector sets its own clock against the
 * one that the holder wrote; where they differ by more than the lease's duration, it takes what is renewed all the time.
 * So a write that would take the lease is let go only if the lease, as this replica has read it, has not changed for its
 * whole duration, which needs no clock but the one that measures time passed.
 */
final class ObservedLease implements Interceptor {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** @param since by the clock that measures time passed, in nanoseconds */
    private record Seen(String version, String holder, Duration duration, long since) {}

    private final String path;
    private final LongSupplier nanos;
    private volatile Seen seen = new Seen("", "", Duration.ZERO, 0);

    /**
     * @param name of the lease
     * @param nanos the clock that measures time passed, in nanoseconds
     */
    ObservedLease(String name, LongSupplier nanos) {
        this.path = "/leases/" + name;
        this.nanos = nanos;
    }

    @Override
    public AsyncBody.Consumer<List<ByteBuffer>> consumer(
            AsyncBody.Consumer<List<ByteBuffer>> consumer, HttpRequest request) {
        return isOn(request) && request.method().equals("GET") ? new Read(consumer) : consumer;
    }

    @Override
    public void before(BasicBuilder builder, HttpRequest request, RequestTags tags) {
        if (!isOn(request) || request.method().equals("GET")) {
            return;
        }
        Seen now = seen;
        String taker =
                lease(request.bodyString()).path("spec").path("holderIdentity").asText("");
        Duration unchanged = Duration.ofNanos(nanos.getAsLong() - now.since());
        if (!now.holder().isEmpty() && !now.holder().equals(taker) && unchanged.compareTo(now.duration()) <= 0) {
            throw new KubernetesClientException("the lease is held by " + now.holder() + " and changed "
                    + unchanged.toSeconds() + " s ago; not taken, whatever the clocks say");
        }
    }

    private boolean isOn(HttpRequest request) {
        return request.uri().getPath().endsWith(path);
    }

    private void read(String body) {
        JsonNode lease = lease(body);
        String version = lease.path("metadata").path("resourceVersion").asText("");
        JsonNode spec = lease.path("spec");
        if (!version.isEmpty() && !version.equals(seen.version())) {
            seen = new Seen(
                    version,
                    spec.path("holderIdentity").asText(""),
                    Duration.ofSeconds(spec.path("leaseDurationSeconds").asLong()),
                    nanos.getAsLong());
        }
    }

    /** Empty for what is no JSON, or only the beginning of it. */
    private static JsonNode lease(String json) {
        try {
            return JSON.readTree(json);
        } catch (IOException e) {
            return MissingNode.getInstance();
        }
    }

    /** Sees what is read before whoever asked for it does. */
    private final class Read implements AsyncBody.Consumer<List<ByteBuffer>> {
        private final AsyncBody.Consumer<List<ByteBuffer>> to;
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();

        Read(AsyncBody.Consumer<List<ByteBuffer>> to) {
            this.to = to;
        }

        @Override
        public void consume(List<ByteBuffer> buffers, AsyncBody asyncBody) throws Exception {
            for (ByteBuffer buffer : buffers) {
                byte[] bytes = new byte[buffer.remaining()];
                buffer.duplicate().get(bytes);
                body.writeBytes(bytes);
            }
            read(body.toString(StandardCharsets.UTF_8));
            to.consume(buffers, asyncBody);
        }

        @Override
        public <U> U unwrap(Class<U> type) {
            return to.unwrap(type);
        }
    }
}
