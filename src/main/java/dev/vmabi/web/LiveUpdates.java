package dev.vmabi.web;

import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetSource;
import dev.vmabi.fleet.RecentDecisions;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Tells open pages that there is something new to fetch (server-sent events). However fast a fleet changes, a page is
 * told a few times a second; while no page is open, nothing runs.
 */
final class LiveUpdates implements AutoCloseable {
    private static final long LOOK_MILLIS = 300;
    private static final int LOOKS_PER_BEAT = 50;

    private final Vertx vertx;
    private final FleetSource source;
    private final RecentDecisions decisions;
    private final Set<HttpServerResponse> pages = ConcurrentHashMap.newKeySet();
    private Fleet lastFleet;
    private long lastDecision;
    private long revision;
    private int looks;
    private long timer = -1;

    LiveUpdates(Vertx vertx, FleetSource source, RecentDecisions decisions) {
        this.vertx = vertx;
        this.source = source;
        this.decisions = decisions;
    }

    synchronized void join(RoutingContext context) {
        HttpServerResponse page = context.response()
                .setChunked(true)
                .putHeader("Content-Type", "text/event-stream")
                // Compressed, an event would wait in the compressor.
                .putHeader("Content-Encoding", "identity");
        page.exceptionHandler(e -> leave(page));
        page.closeHandler(closed -> leave(page));
        pages.add(page);
        write(page, event());
        if (timer < 0) {
            timer = vertx.setPeriodic(LOOK_MILLIS, t -> look());
        }
    }

    private synchronized void leave(HttpServerResponse page) {
        pages.remove(page);
        if (pages.isEmpty() && timer >= 0) {
            vertx.cancelTimer(timer);
            timer = -1;
        }
    }

    private synchronized void look() {
        Fleet fleet = source.fleet().orElse(null);
        if (fleet != lastFleet || decisions.last() != lastDecision) {
            lastFleet = fleet;
            lastDecision = decisions.last();
            revision++;
            pages.forEach(p -> write(p, event()));
        } else if (++looks % LOOKS_PER_BEAT == 0) {
            pages.forEach(p -> write(p, ":\n\n"));
        }
    }

    private String event() {
        return "data: " + revision + "\n\n";
    }

    /** A page that reads more slowly than it is told misses some: the next one tells it as much. */
    private static void write(HttpServerResponse page, String text) {
        if (!page.writeQueueFull() && !page.closed()) {
            var _ = page.write(text);
        }
    }

    @Override
    public synchronized void close() {
        for (HttpServerResponse page : Set.copyOf(pages)) {
            var _ = page.end();
        }
    }
}
