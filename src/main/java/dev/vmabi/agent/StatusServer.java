package dev.vmabi.agent;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;

/** {@code /healthz}, {@code /readyz} and {@code /metrics} over plain HTTP. */
final class StatusServer implements AutoCloseable {

    private final HttpServer server;

    /**
     * @param alive whether the agent's thread still runs
     * @throws IOException if the address is taken
     */
    StatusServer(InetSocketAddress address, Metrics metrics, BooleanSupplier alive) throws IOException {
        server = HttpServer.create(address, 0);
        server.createContext(
                "/healthz", exchange -> answer(exchange, alive.getAsBoolean(), "alive", "the agent ended"));
        server.createContext(
                "/readyz",
                exchange -> answer(exchange, metrics.isPublished(), "published", "nothing is published yet"));
        server.createContext("/metrics", exchange -> send(exchange, 200, metrics.exposition()));
        server.start();
    }

    InetSocketAddress address() {
        return server.getAddress();
    }

    private static void answer(HttpExchange exchange, boolean good, String yes, String no) throws IOException {
        send(exchange, good ? 200 : 503, (good ? yes : no) + "\n");
    }

    private static void send(HttpExchange exchange, int status, String text) throws IOException {
        try (exchange) {
            byte[] body = text.getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
