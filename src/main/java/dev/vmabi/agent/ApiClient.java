package dev.vmabi.agent;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vmabi.api.Names;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The few requests an agent makes of the API server. Thread-safe. */
public final class ApiClient {

    static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** Of a connection too: on a host that is starved of processor time a handshake alone took more than 10 s. */
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(30);

    /** Bytes of an answer that is kept in memory: an ABIProfile has some 40 thousand. */
    private static final int GREATEST_ANSWER = 64 << 20;

    /** Cuts watches whose connection died without a word. Sleeps until one is due. */
    private static final ScheduledThreadPoolExecutor CUTTER = cutter();

    private final Cluster cluster;
    private final HttpClient http;
    private final Metrics metrics;

    public ApiClient(Cluster cluster, Metrics metrics) {
        this(cluster, client(cluster), metrics);
    }

    /** Shares an HTTP client, for many agents in one process. */
    public ApiClient(Cluster cluster, HttpClient http, Metrics metrics) {
        this.cluster = cluster;
        this.http = http;
        this.metrics = metrics;
    }

    /** An HTTP client for a cluster: one connection per watch, none kept busy. */
    public static HttpClient client(Cluster cluster) {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(REQUEST_TIMEOUT)
                .sslContext(cluster.tls())
                .build();
    }

    private static ScheduledThreadPoolExecutor cutter() {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(
                1, Thread.ofPlatform().daemon().name("vmabi-watch-cutter").factory());
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }

    /** An object; empty where there is none of that name. */
    Optional<JsonNode> get(String path) throws IOException, InterruptedException {
        HttpResponse<InputStream> response =
                send(request(path).timeout(REQUEST_TIMEOUT).GET().build());
        try (InputStream body = response.body()) {
            if (response.statusCode() == 404) {
                body.readNBytes(GREATEST_ANSWER);
                return Optional.empty();
            }
            return Optional.of(read(response, body));
        }
    }

    /** Server-side apply by the agent's field manager; takes fields over from others. */
    void apply(String path, JsonNode object) throws IOException, InterruptedException {
        HttpRequest request = request(path + "?fieldManager=" + Names.AGENT_MANAGER + "&force=true")
                .timeout(REQUEST_TIMEOUT)
                .header("Content-Type", "application/apply-patch+yaml")
                .method("PATCH", HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(object)))
                .build();
        HttpResponse<InputStream> response = send(request);
        try (InputStream body = response.body()) {
            read(response, body);
        }
        metrics.written();
    }

    /**
     * Opens a watch; the caller reads one event per line and closes the stream.
     *
     * @param lasts how long the server was asked to keep it; a connection that hangs beyond is cut
     */
    InputStream watch(String path, Duration lasts) throws IOException, InterruptedException {
        HttpResponse<InputStream> response = send(request(path).GET().build());
        InputStream body = response.body();
        if (response.statusCode() != 200) {
            try (body) {
                read(response, body);
            }
        }
        Future<?> cut =
                CUTTER.schedule(() -> close(body), lasts.plus(REQUEST_TIMEOUT).toSeconds(), TimeUnit.SECONDS);
        return new FilterInputStream(body) {
            @Override
            public void close() throws IOException {
                cut.cancel(false);
                super.close();
            }
        };
    }

    private static void close(InputStream stream) {
        try {
            stream.close();
        } catch (IOException e) {
            // Its reader will notice.
        }
    }

    private HttpRequest.Builder request(String path) throws IOException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(cluster.server() + path))
                .header("Accept", "application/json")
                .header("User-Agent", Names.AGENT_MANAGER);
        if (cluster.token().isPresent()) {
            request.header("Authorization", "Bearer " + cluster.token().get().read());
        }
        return request;
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException, InterruptedException {
        metrics.requested();
        return http.send(request, BodyHandlers.ofInputStream());
    }

    private static JsonNode read(HttpResponse<InputStream> response, InputStream body) throws IOException {
        JsonNode answer = parse(body.readNBytes(GREATEST_ANSWER));
        if (response.statusCode() / 100 != 2) {
            String reason = answer.path("message").asText("no reason given");
            throw new ApiException(
                    response.statusCode(),
                    response.request().method() + " " + response.request().uri().getPath() + ": "
                            + response.statusCode() + " " + reason);
        }
        return answer;
    }

    private static JsonNode parse(byte[] body) {
        try {
            return JSON.readTree(body);
        } catch (IOException e) {
            return JSON.createObjectNode(); // a proxy's page, say: the status says what matters
        }
    }
}
