package dev.vmabi.chaos;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.vmabi.chaos.check.Writers;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.CertificateAuthority;
import dev.vmabi.devserver.User;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;

/**
 * What one operator has between itself and the API server: an HTTP proxy that can be slow, fail, lose answers, end
 * watches, say that they are too old, and cut the operator off; and that sees who writes.
 */
final class Tap implements AutoCloseable {
    static {
        System.setProperty("sun.net.httpserver.nodelay", "true");
        System.setProperty("jdk.httpclient.allowRestrictedHeaders", "host");
    }

    private static final Set<String> NOT_PASSED_ON = Set.of(
            "connection", "content-length", "host", "upgrade", "expect", "http2-settings", "transfer-encoding", "date");
    private static final String GONE =
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                    + "\"message\":\"too old resource version\",\"reason\":\"Expired\",\"code\":410}";

    /** What becomes of writes. */
    enum Trouble {
        NONE,
        /** Each takes two seconds longer. */
        SLOW,
        /** Half of them are answered 500, 503 or 429 and not done. */
        FAILING,
        /** Half of them are done and the connection breaks before the answer. */
        ANSWER_LOST,
        /** All are refused, as where an operator's rights are missing. */
        FORBIDDEN
    }

    private final String operator;
    private final ApiServer server;
    private final Writers writers;
    private final CertificateAuthority authority = new CertificateAuthority("tap");
    private final HttpsServer https;
    private final HttpClient client;
    private final Set<InputStream> watches = ConcurrentHashMap.newKeySet();
    private volatile Trouble trouble = Trouble.NONE;
    private volatile boolean gone;
    private volatile boolean cutOff;
    private volatile Optional<HeldWrite> held = Optional.empty();

    Tap(String operator, ApiServer server, Writers writers) {
        this.operator = operator;
        this.server = server;
        this.writers = writers;
        try {
            https = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
            client = HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .sslContext(CertificateAuthority.clientContext(certificate(server.caCertificate())))
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        https.setHttpsConfigurator(new HttpsConfigurator(
                authority.issue("tap", List.of(), List.of("127.0.0.1")).serverContext()));
        https.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        https.createContext("/", this::handle);
        https.start();
    }

    private static X509Certificate certificate(String pem) {
        try {
            return (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("the server's authority has no certificate", e);
        }
    }

    /** A kubeconfig by which {@code user} comes through here. */
    Path kubeconfig(User user) {
        try {
            return Files.writeString(
                    server.directory().resolve(operator + ".kubeconfig"),
                    Files.readString(server.kubeconfig(user))
                            .replace(
                                    server.url().toString(),
                                    "https://127.0.0.1:" + https.getAddress().getPort())
                            .replace(base64(server.caCertificate()), base64(authority.certificatePem())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    void writes(Trouble now) {
        trouble = now;
    }

    /** While it is so, whoever asks to resume a watch is told that it is too late for that. */
    void gone(boolean now) {
        gone = now;
    }

    /** While it is so nothing goes through, and connections stand. */
    void cutOff(boolean now) {
        cutOff = now;
    }

    /** Holds the next write to that path, and no other. */
    HeldWrite hold(String path) {
        HeldWrite next = new HeldWrite(path);
        held = Optional.of(next);
        return next;
    }

    void endWatches() {
        watches.forEach(Tap::close);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (exchange.getRequestHeaders().containsKey("Sec-WebSocket-Key")) {
                // No WebSockets here; at 200 Fabric8's client watches over plain HTTP.
                exchange.sendResponseHeaders(200, -1);
                return;
            }
            byte[] body = exchange.getRequestBody().readAllBytes();
            boolean write = !exchange.getRequestMethod().equals("GET");
            // What left in time may come late, whoever sent it: a network that heals delivers what it held.
            boolean may = !write
                    || writers.mayWrite(operator, exchange.getRequestURI().toString());
            awaitLine();
            held.ifPresent(h -> h.sent(exchange));
            boolean watch = String.valueOf(exchange.getRequestURI().getQuery()).contains("watch=true");
            if (watch && gone && exchange.getRequestURI().getQuery().contains("resourceVersion=")) {
                answer(exchange, ThreadLocalRandom.current().nextBoolean() ? 410 : 200, expired());
                return;
            }
            Trouble now = write ? trouble : Trouble.NONE;
            boolean hit = ThreadLocalRandom.current().nextBoolean();
            if (now == Trouble.SLOW) {
                Thread.sleep(2_000);
            }
            if (now == Trouble.FAILING && hit) {
                int code =
                        List.of(500, 503, 429).get(ThreadLocalRandom.current().nextInt(3));
                answer(exchange, code, status(code));
                return;
            }
            if (now == Trouble.FORBIDDEN) {
                answer(exchange, 403, status(403));
                return;
            }
            pass(exchange, body, may, watch, now == Trouble.ANSWER_LOST && hit);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void awaitLine() throws InterruptedException {
        while (cutOff) {
            Thread.sleep(50);
        }
    }

    /** As a refusal to begin, or as the first event of the watch: servers do both. */
    private static String expired() {
        return "{\"type\":\"ERROR\",\"object\":" + GONE + "}\n";
    }

    private static String status(int code) {
        return "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"injected\","
                + "\"code\":" + code + "}";
    }

    private static void answer(HttpExchange exchange, int code, String text) throws IOException {
        byte[] bytes = (code == 410 ? GONE : text).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        if (code == 429) {
            exchange.getResponseHeaders().set("Retry-After", "1");
        }
        exchange.sendResponseHeaders(code, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private void pass(HttpExchange exchange, byte[] body, boolean may, boolean watch, boolean loseAnswer)
            throws IOException, InterruptedException {
        String path = exchange.getRequestURI().toString();
        String method = exchange.getRequestMethod();
        HttpResponse<InputStream> answer =
                client.send(request(exchange, method, path, body), HttpResponse.BodyHandlers.ofInputStream());
        held.ifPresent(h -> h.answered(exchange, answer.statusCode()));
        if (answer.statusCode() < 300) {
            if (!may) {
                writers.tookUnled(operator, method, path);
            }
            if (!method.equals("GET") && path.contains("/leases") && holds(body)) {
                writers.leads(operator);
            }
        }
        try (InputStream in = answer.body()) {
            if (loseAnswer) {
                return;
            }
            Headers headers = exchange.getResponseHeaders();
            answer.headers().map().forEach((name, values) -> {
                if (!NOT_PASSED_ON.contains(name.toLowerCase(Locale.ROOT))) {
                    headers.put(name, values);
                }
            });
            if (watch) {
                stream(exchange, answer.statusCode(), in);
            } else {
                byte[] bytes = in.readAllBytes();
                exchange.sendResponseHeaders(answer.statusCode(), bytes.length == 0 ? -1 : bytes.length);
                exchange.getResponseBody().write(bytes);
            }
        }
    }

    private HttpRequest request(HttpExchange exchange, String method, String path, byte[] body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.url().resolve(path))
                .method(method, HttpRequest.BodyPublishers.ofByteArray(body));
        exchange.getRequestHeaders().forEach((name, values) -> {
            if (!NOT_PASSED_ON.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(v -> request.header(name, v));
            }
        });
        return request.build();
    }

    private boolean holds(byte[] lease) {
        return new String(lease, StandardCharsets.UTF_8)
                .replace(" ", "")
                .contains("\"holderIdentity\":\"" + operator + "\"");
    }

    private void stream(HttpExchange exchange, int code, InputStream in) throws IOException {
        watches.add(in);
        exchange.sendResponseHeaders(code, 0);
        try (OutputStream out = exchange.getResponseBody()) {
            byte[] buffer = new byte[16_384];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                awaitLine();
                out.write(buffer, 0, n);
                out.flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            watches.remove(in);
        }
    }

    private static void close(InputStream in) {
        try {
            in.close();
        } catch (IOException e) {
            // Its reader notices.
        }
    }

    @Override
    public void close() {
        cutOff = false;
        endWatches();
        https.stop(0);
        client.shutdownNow();
    }
}
