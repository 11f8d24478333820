package dev.vmabi.observe;

import com.sun.net.httpserver.HttpServer;
import dev.vmabi.demo.ReplayFleet;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/** What each replayed node's agent counts, at a path that is the node's name. */
final class AgentMetrics implements AutoCloseable {
    private final ReplayFleet fleet;
    private final HttpServer server;

    AgentMetrics(ReplayFleet fleet) throws IOException {
        this.fleet = fleet;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                byte[] body = fleet.metrics(exchange.getRequestURI().getPath().substring(1))
                        .exposition()
                        .getBytes(StandardCharsets.UTF_8);
                exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
            }
        });
        server.start();
    }

    Set<String> nodes() {
        return fleet.nodes();
    }

    String authority() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
