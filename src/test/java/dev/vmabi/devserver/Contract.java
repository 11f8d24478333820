package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;

/**
 * What a contract test starts from: one API server for all of them, the embedded or the real one, plain HTTP to it,
 * and a namespace and a custom resource for each class. No test here knows which server it talks to.
 */
abstract class Contract {
    private static final AtomicInteger COUNTER = new AtomicInteger();

    private static final class Shared {
        static final ApiServer SERVER = ApiServers.start();
        static final HttpClient HTTP = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(CertificateAuthority.clientContext(CertificateAuthority.parse(SERVER.caCertificate())))
                .build();

        static {
            Runtime.getRuntime().addShutdownHook(new Thread(SERVER::close));
        }
    }

    /** @param body the answer, an object as a rule */
    record Answer(int code, JsonNode body, HttpResponse<String> http) {
        String text(String... path) {
            return Json.text(body, path);
        }
    }

    /** The namespace of the running class; a new one for each, so that no class sees another's objects. */
    static String namespace;

    @BeforeAll
    static void makeNamespace() {
        namespace = unique("contract");
        ObjectNode body = object("v1", "Namespace", namespace);
        Answer answer = post("/api/v1/namespaces", body);
        if (answer.code() != 201) {
            throw new IllegalStateException("no namespace: " + answer.body());
        }
    }

    static ApiServer server() {
        return Shared.SERVER;
    }

    static String unique(String prefix) {
        return prefix + "-" + Integer.toString(COUNTER.incrementAndGet(), 36);
    }

    static ObjectNode object(String apiVersion, String kind, String name) {
        ObjectNode object = Json.object().put("apiVersion", apiVersion).put("kind", kind);
        object.putObject("metadata").put("name", name);
        return object;
    }

    /** JSON with apostrophes for quotes, filled in as by {@link String#format}. */
    @SuppressWarnings("AnnotateFormatMethod")
    static ObjectNode json(String text, Object... values) {
        return (ObjectNode) Json.parse(text.formatted(values).replace('\'', '"'));
    }

    static String configMaps() {
        return "/api/v1/namespaces/" + namespace + "/configmaps";
    }

    static Answer get(String path) {
        return send("GET", path, null, null);
    }

    static Answer post(String path, JsonNode body) {
        return send("POST", path, "application/json", body.toString());
    }

    static Answer put(String path, JsonNode body) {
        return send("PUT", path, "application/json", body.toString());
    }

    static Answer delete(String path) {
        return send("DELETE", path, null, null);
    }

    static Answer delete(String path, JsonNode options) {
        return send("DELETE", path, "application/json", options.toString());
    }

    /** @param type {@code json-patch+json}, {@code merge-patch+json}, ... */
    static Answer patch(String path, String type, String body) {
        return send("PATCH", path, "application/" + type, body.replace('\'', '"'));
    }

    static Answer apply(String path, String manager, JsonNode body) {
        String separator = path.contains("?") ? "&" : "?";
        return send(
                "PATCH", path + separator + "fieldManager=" + manager, "application/apply-patch+yaml", body.toString());
    }

    static Answer send(String method, String path, String contentType, String body, String... headers) {
        HttpRequest.Builder request = request(path, User.ADMIN)
                .method(
                        method,
                        body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body));
        if (contentType != null) {
            request.header("Content-Type", contentType);
        }
        if (headers.length > 0) {
            request.headers(headers);
        }
        return send(request.build());
    }

    static HttpRequest.Builder request(String path, User user) {
        return HttpRequest.newBuilder(URI.create(server().url() + path))
                .timeout(Duration.ofSeconds(30))
                .header("User-Agent", "contract/1.0")
                .header("Authorization", "Bearer " + server().token(user));
    }

    static Answer send(HttpRequest request) {
        try {
            HttpResponse<String> answer = Shared.HTTP.send(request, HttpResponse.BodyHandlers.ofString());
            boolean json = answer.body().startsWith("{");
            JsonNode body = json ? Json.parse(answer.body()) : Json.object().put("text", answer.body());
            return new Answer(answer.statusCode(), body, answer);
        } catch (IOException e) {
            throw new UncheckedIOException(request.method() + " " + request.uri(), e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A running watch whose events are taken one by one. */
    static final class Watching implements AutoCloseable {
        private final BlockingQueue<JsonNode> events = new LinkedBlockingQueue<>();
        private final InputStream stream;

        Watching(String path) {
            try {
                HttpResponse<InputStream> answer = Shared.HTTP.send(
                        request(path, User.ADMIN).timeout(Duration.ofMinutes(5)).build(),
                        HttpResponse.BodyHandlers.ofInputStream());
                stream = answer.body();
                if (answer.statusCode() != 200) {
                    throw new IllegalStateException(
                            answer.statusCode() + ": " + new String(stream.readAllBytes(), StandardCharsets.UTF_8));
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            Thread.ofVirtual().start(this::read);
        }

        private void read() {
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    events.add(Json.parse(line));
                }
                events.add(Json.object().put("type", "END"));
            } catch (IOException e) {
                events.add(Json.object().put("type", "END"));
            }
        }

        /** The next event as {@code TYPE name}; {@code END} when the server closed, {@code NONE} after ten seconds. */
        String next() {
            JsonNode event = nextEvent();
            return (Json.text(event, "type") + " " + Json.text(event, "object", "metadata", "name")).trim();
        }

        JsonNode nextEvent() {
            try {
                JsonNode event = events.poll(10, TimeUnit.SECONDS);
                return event == null ? Json.object().put("type", "NONE") : event;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void close() {
            try {
                stream.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /**
     * Creates a custom resource definition and waits until it is served.
     *
     * @param schema of the whole object; the resource has a status subresource
     * @return the path of the collection in the class's namespace
     */
    static String define(String kind, String schema) {
        return define(kind, schema, "[]");
    }

    static String define(String kind, String schema, String columns) {
        String plural = kind.toLowerCase(Locale.ROOT) + "s";
        ObjectNode crd = json("""
                {'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition',
                 'metadata': {'name': '%1$s.contract.dev'},
                 'spec': {'group': 'contract.dev', 'scope': 'Namespaced',
                  'names': {'kind': '%2$s', 'plural': '%1$s', 'shortNames': ['s%1$s'], 'categories': ['contract']},
                  'versions': [{'name': 'v1', 'served': true, 'storage': true, 'subresources': {'status': {}},
                   'schema': {'openAPIV3Schema': %3$s}, 'additionalPrinterColumns': %4$s}]}}
                """, plural, kind, schema, columns);
        Answer answer = post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
        if (answer.code() != 201) {
            throw new IllegalStateException("no definition: " + answer.body());
        }
        String path = "/apis/contract.dev/v1/namespaces/" + namespace + "/" + plural;
        eventually(() -> get(path).code() == 200);
        return path;
    }

    /** Polls for at most 30 s: the real server does some things in its own time. */
    static void eventually(java.util.function.BooleanSupplier condition) {
        org.awaitility.Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .pollInterval(Duration.ofMillis(50))
                .until(condition::getAsBoolean);
    }
}
