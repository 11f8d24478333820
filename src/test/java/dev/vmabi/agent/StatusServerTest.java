package dev.vmabi.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the kubelet and Prometheus ask. */
class StatusServerTest {

    private final Metrics metrics = new Metrics();
    private final AtomicBoolean alive = new AtomicBoolean(true);
    private final HttpClient http = HttpClient.newHttpClient();
    private StatusServer server;

    @BeforeEach
    void start() throws IOException {
        server = new StatusServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), metrics, alive::get);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        http.close();
    }

    @Test
    void readinessFollowsPublication() throws Exception {
        assertThat(get("/readyz").statusCode()).isEqualTo(503);
        metrics.published(true);
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        assertThat(get("/readyz").body()).isEqualTo("published\n");
    }

    @Test
    void livenessFollowsTheAgent() throws Exception {
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
        alive.set(false);
        assertThat(get("/healthz").statusCode()).isEqualTo(503);
    }

    @Test
    void metricsAreInPrometheusForm() throws Exception {
        metrics.probed(0.5, "Available");
        metrics.proved(true);
        metrics.proved(false);
        List<String> lines = get("/metrics").body().lines().toList();
        assertThat(lines)
                .contains(
                        "vmabi_agent_probes_total 1",
                        "vmabi_agent_probe_seconds 0.5",
                        "vmabi_agent_proofs_total{result=\"accepted\"} 1",
                        "vmabi_agent_proofs_total{result=\"refused\"} 1",
                        "vmabi_agent_kvm{state=\"Available\"} 1");
        assertThat(lines)
                .allMatch(line -> line.startsWith("# HELP ")
                        || line.startsWith("# TYPE ")
                        || line.matches("[a-z_]+(\\{[a-z]+=\"[A-Za-z]+\"\\})? [0-9.E-]+"));
    }

    @Test
    void nonsenseStopsNobody() throws Exception {
        for (String nonsense :
                List.of("", "\r\n\r\n", "GET\r\n\r\n", "\u0000\u0001\u0002", "POST /metrics HTTP/1.1\r\n\r\n")) {
            try (Socket socket =
                    new Socket(server.address().getAddress(), server.address().getPort())) {
                socket.getOutputStream().write(nonsense.getBytes(StandardCharsets.ISO_8859_1));
            }
        }
        assertThat(get("/nothing").statusCode()).isEqualTo(404);
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + server.address().getPort() + path);
        return http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    }
}
