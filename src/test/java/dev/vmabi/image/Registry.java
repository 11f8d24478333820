package dev.vmabi.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.vmabi.devserver.CertificateAuthority;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A registry in memory, on loopback and with a certificate that nobody trusts, since a client that begins with TLS waits in vain
 * for an answer of a server without: as much of OCI's distribution specification 1.1 as a push and a pull
 * take. As others do, it refuses a blob that has not its digest, and a manifest that names what is not there.
 */
final class Registry implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern PATH = Pattern.compile("/v2/(.+)/(blobs|manifests)/(uploads/)?([^/]*)");

    /** JSON, as it was pushed. */
    private record Manifest(String type, String text) {
        byte[] content() {
            return text.getBytes(StandardCharsets.UTF_8);
        }
    }

    private final HttpsServer server;
    private final Map<String, byte[]> blobs = new ConcurrentHashMap<>();
    private final Map<String, byte[]> uploads = new ConcurrentHashMap<>();
    private final Map<String, Manifest> manifests = new ConcurrentHashMap<>();

    Registry() throws IOException {
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(new CertificateAuthority("registry")
                .issue("registry", List.of("localhost"), List.of("127.0.0.1"))
                .serverContext()));
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/v2/", this::handle);
        server.start();
    }

    /** As REGISTRY names it. */
    String address() {
        return "localhost:" + server.getAddress().getPort() + "/vmabi";
    }

    /**
     * Looks whether a pull of each image by the version finds it, by the digests that were built, and whole.
     *
     * @throws IllegalStateException if not
     */
    void requirePullable(String version, Map<String, String> digests) throws IOException {
        for (Component component : Component.ALL) {
            String repository = "vmabi/" + component.repository() + "@";
            JsonNode index = JSON.readTree(manifest(repository + version).text());
            for (JsonNode image : index.path("manifests")) {
                String name = component.repository() + "-"
                        + image.at("/platform/architecture").asText();
                String digest = image.path("digest").asText();
                if (!digest.equals(digests.get(name))) {
                    throw new IllegalStateException("pushed " + name + " is " + digest + ", not " + digests.get(name));
                }
                byte[] manifest = manifest(repository + digest).content();
                if (manifest.length != image.path("size").asInt()) {
                    throw new IllegalStateException("the index says " + image.path("size") + " bytes of " + name
                            + "'s manifest, and it has " + manifest.length);
                }
                List<String> missing = missing(repository, JSON.readTree(manifest));
                if (!missing.isEmpty()) {
                    throw new IllegalStateException("of " + name + " there is no " + missing);
                }
            }
            if (index.path("manifests").size() != Images.ARCHITECTURES.size()) {
                throw new IllegalStateException("the index of " + component.repository() + " is " + index);
            }
        }
        System.out.println("images: a registry has both for both architectures, whole, by the digests that were built");
    }

    private Manifest manifest(String reference) {
        Manifest manifest = manifests.get(reference);
        if (manifest == null) {
            throw new IllegalStateException("the registry has no " + reference);
        }
        return manifest;
    }

    /** What a manifest or an index names and is not there. */
    private List<String> missing(String repository, JsonNode manifest) {
        List<String> missing = new ArrayList<>();
        for (JsonNode image : manifest.path("manifests")) {
            String digest = image.path("digest").asText();
            if (!manifests.containsKey(repository + digest)) {
                missing.add(digest);
            }
        }
        List<JsonNode> parts = new ArrayList<>(List.of(manifest.path("config")));
        manifest.path("layers").forEach(parts::add);
        for (JsonNode part : parts) {
            String digest = part.path("digest").asText();
            if (!part.isMissingNode()
                    && (!blobs.containsKey(digest)
                            || blobs.get(digest).length != part.path("size").asInt())) {
                missing.add(digest);
            }
        }
        return missing;
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Matcher path = PATH.matcher(exchange.getRequestURI().getPath());
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (!path.matches()) {
                answer(exchange, 200, new byte[0]);
            } else if (path.group(2).equals("manifests")) {
                manifests(exchange, path.group(1) + "@", path.group(4), body);
            } else if (path.group(3) == null) {
                byte[] blob = blobs.get(path.group(4));
                answer(exchange, blob == null ? 404 : 200, blob == null ? new byte[0] : blob);
            } else {
                upload(exchange, path.group(1), path.group(4), body);
            }
        }
    }

    private void upload(HttpExchange exchange, String repository, String id, byte[] body) throws IOException {
        String upload = id.isEmpty() ? UUID.randomUUID().toString() : id;
        uploads.merge(upload, body, Registry::joined);
        if (!exchange.getRequestMethod().equals("PUT")) {
            exchange.getResponseHeaders().set("Location", "/v2/" + repository + "/blobs/uploads/" + upload);
            answer(exchange, 202, new byte[0]);
            return;
        }
        byte[] blob = uploads.remove(upload);
        String digest = digest(blob);
        if (!("digest=" + digest).equals(exchange.getRequestURI().getQuery())) {
            answer(exchange, 400, "{\"errors\":[{\"code\":\"DIGEST_INVALID\"}]}".getBytes(StandardCharsets.UTF_8));
            return;
        }
        blobs.put(digest, blob);
        answer(exchange, 201, new byte[0]);
    }

    private void manifests(HttpExchange exchange, String repository, String reference, byte[] body) throws IOException {
        if (exchange.getRequestMethod().equals("PUT")) {
            List<String> missing = missing(repository, JSON.readTree(body));
            if (!missing.isEmpty()) {
                answer(
                        exchange,
                        404,
                        "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\"}]}".getBytes(StandardCharsets.UTF_8));
                return;
            }
            Manifest manifest = new Manifest(
                    exchange.getRequestHeaders().getFirst("Content-Type"), new String(body, StandardCharsets.UTF_8));
            manifests.put(repository + reference, manifest);
            manifests.put(repository + digest(body), manifest);
            exchange.getResponseHeaders().set("Docker-Content-Digest", digest(body));
            answer(exchange, 201, new byte[0]);
            return;
        }
        Manifest manifest = manifests.get(repository + reference);
        if (manifest == null) {
            answer(exchange, 404, "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}".getBytes(StandardCharsets.UTF_8));
            return;
        }
        exchange.getResponseHeaders().set("Content-Type", manifest.type());
        exchange.getResponseHeaders().set("Docker-Content-Digest", digest(manifest.content()));
        answer(exchange, 200, manifest.content());
    }

    private static void answer(HttpExchange exchange, int code, byte[] body) throws IOException {
        boolean head = exchange.getRequestMethod().equals("HEAD");
        if (head) {
            exchange.getResponseHeaders().set("Content-Length", String.valueOf(body.length));
        }
        exchange.sendResponseHeaders(code, head || body.length == 0 ? -1 : body.length);
        if (!head) {
            exchange.getResponseBody().write(body);
        }
    }

    private static byte[] joined(byte[] first, byte[] second) {
        byte[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    private static String digest(byte[] content) {
        return "sha256:" + DebianArchive.sha256(content);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
