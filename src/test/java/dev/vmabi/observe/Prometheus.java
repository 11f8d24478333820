package dev.vmabi.observe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.devserver.FreePort;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Debian's Prometheus in a process of its own, scraping every second. */
final class Prometheus implements AutoCloseable {
    private final Process process;
    private final HttpClient http = HttpClient.newHttpClient();
    private final URI url;

    Prometheus(Path directory, Path rules, URI operator, AgentMetrics agents) throws IOException {
        StringBuilder config = new StringBuilder("""
                global: {scrape_interval: 1s, evaluation_interval: 1s}
                rule_files: [%s]
                scrape_configs:
                  - job_name: operator
                    static_configs: [{targets: ['%s']}]
                  - job_name: agents
                    static_configs:
                """.formatted(rules.toAbsolutePath(), operator.getAuthority()));
        agents.nodes()
                .forEach(n -> config.append("      - {targets: ['")
                        .append(agents.authority())
                        .append("'], labels: {__metrics_path__: /")
                        .append(n)
                        .append(", instance: ")
                        .append(n)
                        .append("}}\n"));
        Path file = Files.writeString(directory.resolve("prometheus.yml"), config);
        url = URI.create("http://127.0.0.1:" + FreePort.next());
        process = new ProcessBuilder(
                        "prometheus",
                        "--config.file=" + file,
                        "--storage.tsdb.path=" + directory.resolve("prometheus"),
                        "--web.listen-address=" + url.getAuthority(),
                        "--log.level=warn")
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("prometheus.log").toFile())
                .start();
    }

    /**
     * The series that an instant query returns now; none while Prometheus is not up yet.
     *
     * @throws IllegalStateException if the query is wrong
     */
    JsonNode query(String expression) {
        return get("/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8))
                .path("data")
                .path("result");
    }

    /** The rules as Prometheus last evaluated them. */
    JsonNode rules() {
        return get("/api/v1/rules").path("data");
    }

    private JsonNode get(String path) {
        if (!process.isAlive()) {
            throw new IllegalStateException("prometheus ended with " + process.exitValue() + "; see prometheus.log");
        }
        try {
            HttpResponse<String> answer =
                    http.send(HttpRequest.newBuilder(url.resolve(path)).build(), HttpResponse.BodyHandlers.ofString());
            JsonNode body = answer.statusCode() == 503
                    ? new ObjectMapper().createObjectNode()
                    : new ObjectMapper().readTree(answer.body());
            if (body.path("status").asText("").equals("error")) {
                throw new IllegalStateException(path + ": " + body.path("error").asText());
            }
            return body;
        } catch (ConnectException e) {
            return new ObjectMapper().createObjectNode();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
