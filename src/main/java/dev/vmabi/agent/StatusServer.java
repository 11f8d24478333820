package dev.vmabi.agent;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;

/**
 * {@code GET /healthz}, {@code /readyz} and {@code /metrics}, one request per connection. The JDK's own server wakes up
 * every second; this one sleeps until somebody asks.
 */
final class StatusServer implements AutoCloseable {

    /** How long a client may take to say what it wants. */
    private static final int PATIENCE_MILLIS = 2000;

    private static final int MOST_WAITING = 16;

    private final ServerSocket socket;
    private final Metrics metrics;
    private final BooleanSupplier alive;

    /**
     * @param alive whether the agent's thread still runs
     * @throws IOException if the address is taken
     */
    StatusServer(InetSocketAddress address, Metrics metrics, BooleanSupplier alive) throws IOException {
        this.metrics = metrics;
        this.alive = alive;
        socket = new ServerSocket();
        socket.setReuseAddress(true);
        socket.bind(address, MOST_WAITING);
        Thread.ofPlatform().daemon().name("vmabi-status").start(this::serve);
    }

    InetSocketAddress address() {
        return (InetSocketAddress) socket.getLocalSocketAddress();
    }

    private void serve() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                Thread.ofPlatform().daemon().start(() -> answer(client));
            } catch (IOException e) {
                // Closed, or a client that went away before it was let in.
            }
        }
    }

    private void answer(Socket client) {
        try (client) {
            client.setSoTimeout(PATIENCE_MILLIS);
            BufferedReader request =
                    new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII), 512);
            String line = request.readLine();
            for (String header = line; header != null && !header.isEmpty(); ) {
                header = request.readLine();
            }
            String[] words = line == null ? new String[0] : line.split(" ", -1);
            if (words.length == 3) {
                send(client.getOutputStream(), words[0].equals("GET") ? words[1] : "");
            }
        } catch (IOException e) {
            // Whoever asked has gone.
        }
    }

    private void send(OutputStream out, String path) throws IOException {
        switch (path) {
            case "/healthz" -> send(out, alive.getAsBoolean(), "alive\n", "the agent ended\n");
            case "/readyz" -> send(out, metrics.isPublished(), "published\n", "nothing is published yet\n");
            case "/metrics" -> send(out, "200 OK", metrics.exposition());
            default -> send(out, "404 Not Found", "GET /healthz, /readyz or /metrics\n");
        }
    }

    private static void send(OutputStream out, boolean good, String yes, String no) throws IOException {
        send(out, good ? "200 OK" : "503 Service Unavailable", good ? yes : no);
    }

    private static void send(OutputStream out, String status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        String head = "HTTP/1.1 " + status + "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                + "Content-Length: " + body.length + "\r\nConnection: close\r\n\r\n";
        out.write(head.getBytes(StandardCharsets.US_ASCII));
        out.write(body);
        out.flush();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
