package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;

/** What is under a real API server, by etcd's JSON gateway. Keys are those of the API server, from {@code /registry/} on. */
public final class Etcd implements AutoCloseable {
    private final URI url;
    private final HttpClient client = HttpClient.newHttpClient();

    Etcd(URI url) {
        this.url = url;
    }

    /** Has it forget what was before now; who resumes from there, after the server's own memory is gone, gets 410. */
    public void compact() throws IOException {
        JsonNode now = post("/v3/kv/range", Json.object().put("key", "AA=="));
        JsonNode _ = post("/v3/kv/compaction", Json.object().put("revision", Json.text(now, "header", "revision")));
    }

    /** An object as the API server has stored it. */
    public byte[] get(String key) throws IOException {
        JsonNode found = post("/v3/kv/range", Json.object().put("key", encoded(key)));
        return Base64.getDecoder().decode(Json.text(Json.at(found, "kvs").path(0), "value"));
    }

    /** Stores objects that the API server then has, without its looking at them; at most 128 and a MiB at a time. */
    public void put(Map<String, byte[]> objects) throws IOException {
        ObjectNode transaction = Json.object();
        ArrayNode operations = transaction.putArray("success");
        objects.forEach((key, value) -> operations
                .addObject()
                .putObject("requestPut")
                .put("key", encoded(key))
                .put("value", Base64.getEncoder().encodeToString(value)));
        JsonNode _ = post("/v3/kv/txn", transaction);
    }

    private static String encoded(String key) {
        return Base64.getEncoder().encodeToString(key.getBytes(StandardCharsets.UTF_8));
    }

    private JsonNode post(String path, ObjectNode body) throws IOException {
        try {
            HttpResponse<byte[]> answer = client.send(
                    HttpRequest.newBuilder(url.resolve(path))
                            .POST(HttpRequest.BodyPublishers.ofByteArray(Json.bytes(body)))
                            .build(),
                    HttpResponse.BodyHandlers.ofByteArray());
            if (answer.statusCode() != 200) {
                throw new IOException("etcd answers " + answer.statusCode() + " to " + path);
            }
            return Json.parse(answer.body(), "application/json");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
