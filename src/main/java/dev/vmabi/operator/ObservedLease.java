package dev.vmabi.operator;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.client.http.AsyncBody;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import io.fabric8.kubernetes.client.http.Interceptor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Lets this replica read of the lease that it was renewed when this replica first saw it so, by its own clock. Fabric8's
 * elector sets its clock against the time that the holder wrote: where the two clocks differ by more than the lease's
 * duration it takes a lease that is renewed all the time, or leaves one alone whose holder is gone. What a replica saw
 * needs no clock but the one that measures time passed.
 *
 * <p>Until this process has written the lease itself, one that bears its name is nobody's: a container that is started anew
 * keeps the name, and the elector (7.6) leads as soon as it reads its name, before it has renewed what another replica may
 * be taking at that moment. So it takes the lease, which only one of them can.
 */
final class ObservedLease implements Interceptor {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final DateTimeFormatter MICRO_TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'");

    /** @param since by the clock that measures time passed, in nanoseconds */
    private record Seen(String version, long since) {}

    private final LeaseRequests requests;
    private final String identity;
    private final LongSupplier nanos;
    private volatile Seen seen = new Seen("", 0);
    private volatile boolean written;

    /**
     * @param name of the lease
     * @param identity that the elector writes into it
     * @param nanos the clock that measures time passed, in nanoseconds
     */
    ObservedLease(String name, String identity, LongSupplier nanos) {
        this.requests = new LeaseRequests(name);
        this.identity = identity;
        this.nanos = nanos;
    }

    @Override
    public AsyncBody.Consumer<List<ByteBuffer>> consumer(
            AsyncBody.Consumer<List<ByteBuffer>> consumer, HttpRequest request) {
        return requests.reads(request) ? new Read(consumer) : consumer;
    }

    @Override
    public void after(HttpRequest request, HttpResponse<?> response, AsyncBody.Consumer<List<ByteBuffer>> consumer) {
        if (requests.writes(request) && response.isSuccessful()) {
            written = true;
        }
    }

    private byte[] observed(JsonNode lease) throws IOException {
        String version = lease.path("metadata").path("resourceVersion").asText("");
        if (lease.path("spec") instanceof ObjectNode spec && spec.has("renewTime")) {
            if (!version.equals(seen.version())) {
                seen = new Seen(version, nanos.getAsLong());
            }
            Duration unchanged = Duration.ofNanos(nanos.getAsLong() - seen.since());
            spec.put(
                    "renewTime",
                    MICRO_TIME.format(ZonedDateTime.now(ZoneOffset.UTC).minus(unchanged)));
            if (!written && spec.path("holderIdentity").asText("").equals(identity)) {
                JsonNode _ = spec.remove("holderIdentity");
            }
        }
        return JSON.writeValueAsBytes(lease);
    }

    /** Gathers what is read until it is whole. */
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
                buffer.get(bytes);
                body.writeBytes(bytes);
            }
            JsonNode lease;
            try {
                lease = JSON.readTree(body.toByteArray());
            } catch (IOException incomplete) {
                asyncBody.consume();
                return;
            }
            to.consume(List.of(ByteBuffer.wrap(observed(lease))), asyncBody);
        }

        @Override
        public <U> U unwrap(Class<U> type) {
            return to.unwrap(type);
        }
    }
}
