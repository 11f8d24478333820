package dev.vmabi.gate;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import org.jboss.logging.Logger;

/**
 * The webhooks over HTTPS. Every request is answered by an AdmissionReview, by a 4xx if it is none, or by 503 while the
 * fleet has not been read, which leaves the answer to the webhook's failurePolicy.
 */
final class AdmissionServer implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(AdmissionServer.class);

    /** An API server takes objects of up to 3 MiB; the review around one is small. */
    static final int MOST_BODY = 4 << 20;

    /** Bodies held at one time, in KiB; what a small review waits for behind big ones is bounded by their reading. */
    private static final int MOST_HELD_KIB = 16 << 10;

    private static final long MOST_WAIT_MILLIS = 1000;

    /** Connections not yet taken: an API server that comes back from a pause opens one for each review that waits. */
    private static final int MOST_WAITING = 1024;

    /** Longest that callers are sent elsewhere before the end, and how long none has called when they all are. */
    private static final Duration DRAIN = Duration.ofSeconds(5);

    private static final Duration QUIET = Duration.ofSeconds(1);

    static {
        // The JDK's server reads these once. Without the first, an answer may wait for the peer's delayed ACK; the
        // second bounds how long a peer may take to send a request.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        System.setProperty("sun.net.httpserver.maxReqTime", "30");
        System.setProperty("sun.net.httpserver.maxRspTime", "30");
    }

    /** Answers AdmissionReviews. */
    @FunctionalInterface
    interface Reviewer {
        byte[] answer(Hook hook, byte[] body) throws Reviews.Malformed, Admissions.NotRead;
    }

    private final Reviewer reviewer;
    private final HttpsServer server;
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final Semaphore held = new Semaphore(MOST_HELD_KIB);
    private volatile boolean draining;
    private volatile long lastCall = System.nanoTime() - QUIET.toNanos();

    /**
     * Serves at once.
     *
     * @param port 0 for any free one
     * @param keys asked for the certificate at every handshake, so that it can change while the server runs
     */
    AdmissionServer(int port, KeyManager keys, Reviewer reviewer) throws IOException {
        this.reviewer = reviewer;
        server = HttpsServer.create(new InetSocketAddress(port), MOST_WAITING);
        server.setHttpsConfigurator(new HttpsConfigurator(context(keys)));
        server.setExecutor(executor);
        for (Hook hook : Hook.values()) {
            server.createContext(hook.path(), exchange -> handle(hook, exchange));
        }
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    /**
     * Has callers take their next reviews elsewhere, by ending each connection with its next answer; returns when no review
     * has come for a while. One that is cut may have a review on its way, and an API server does not send that again.
     */
    void drain() {
        draining = true;
        long end = System.nanoTime() + DRAIN.toNanos();
        try {
            long left = untilQuiet(end);
            while (left > 0) {
                Thread.sleep(Duration.ofNanos(left));
                left = untilQuiet(end);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private long untilQuiet(long end) {
        long now = System.nanoTime();
        return Math.min(lastCall + QUIET.toNanos() - now, end - now);
    }

    /** Stops after the requests in hand, at most some seconds later. */
    @Override
    public void close() {
        server.stop(2);
        executor.close();
    }

    private static SSLContext context(KeyManager keys) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(new KeyManager[] {keys}, null, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("TLS cannot be set up: " + e.getMessage(), e);
        }
    }

    private void handle(Hook hook, HttpExchange exchange) throws IOException {
        lastCall = System.nanoTime();
        try (exchange) {
            if (draining) {
                exchange.getResponseHeaders().set("Connection", "close");
            }
            if (!exchange.getRequestURI().getPath().equals(hook.path())) {
                refuse(exchange, 404, "not found");
            } else if (!"POST".equals(exchange.getRequestMethod())) {
                exchange.getResponseHeaders().set("Allow", "POST");
                refuse(exchange, 405, "reviews are POSTed");
            } else {
                review(hook, exchange);
            }
        }
    }

    private void review(Hook hook, HttpExchange exchange) throws IOException {
        int kib = toHold(exchange);
        if (kib < 0) {
            tooLong(exchange);
            return;
        }
        if (!acquire(kib)) {
            passOver(exchange);
            refuse(exchange, 503, "too many reviews at once");
            return;
        }
        try {
            byte[] body = exchange.getRequestBody().readNBytes(MOST_BODY + 1);
            if (body.length > MOST_BODY) {
                tooLong(exchange);
                return;
            }
            send(exchange, 200, "application/json", reviewer.answer(hook, body));
        } catch (Reviews.Malformed e) {
            refuse(exchange, 400, e.getMessage());
        } catch (Admissions.NotRead e) {
            refuse(exchange, 503, e.getMessage());
        } catch (RuntimeException e) {
            LOG.errorf(e, "a review at %s could not be answered; its failurePolicy decides", hook.path());
            refuse(exchange, 500, "the review could not be answered");
        } finally {
            held.release(kib);
        }
    }

    /** How much to hold for the body, in KiB, at least one; negative for one that is too long. */
    private static int toHold(HttpExchange exchange) {
        String length = exchange.getRequestHeaders().getFirst("Content-Length");
        long bytes = MOST_BODY;
        if (length != null) {
            try {
                bytes = Long.parseLong(length.strip());
            } catch (NumberFormatException e) {
                return -1;
            }
        }
        return bytes > MOST_BODY ? -1 : (int) (bytes >> 10) + 1;
    }

    private boolean acquire(int kib) {
        try {
            return held.tryAcquire(kib, MOST_WAIT_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static void tooLong(HttpExchange exchange) throws IOException {
        passOver(exchange);
        refuse(exchange, 413, "a review may have " + MOST_BODY + " bytes");
    }

    /** Most callers read an answer only once they have sent all they have; so it is read, up to a little too much, and not held. */
    private static void passOver(HttpExchange exchange) throws IOException {
        exchange.getRequestBody().skip(3L * MOST_BODY);
    }

    private static void refuse(HttpExchange exchange, int code, String why) throws IOException {
        send(exchange, code, "text/plain; charset=utf-8", (why + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static void send(HttpExchange exchange, int code, String type, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(code, body.length);
        exchange.getResponseBody().write(body);
    }
}
