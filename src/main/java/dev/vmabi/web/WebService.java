package dev.vmabi.web;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetSource;
import dev.vmabi.fleet.RecentDecisions;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.lang.ref.SoftReference;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import org.jboss.logging.Logger;

/** The page: static files, what they show as JSON, and a stream that says when that has changed. It only reads. */
@ApplicationScoped
public class WebService {
    private static final Logger LOG = Logger.getLogger(WebService.class);
    private static final Set<String> LOOPBACK_NAMES = Set.of("localhost", "127.0.0.1", "[::1]");

    private static final Map<String, String> HEADERS = Map.of(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
                    + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options",
            "nosniff",
            "Referrer-Policy",
            "no-referrer",
            "Cross-Origin-Resource-Policy",
            "same-origin",
            "Cache-Control",
            "no-cache");

    private final WebConfig config;
    private final FleetSource source;
    private final RecentDecisions decisions;
    private final Vertx vertx;
    private final ObjectMapper json = new ObjectMapper();
    private volatile HttpServer server;
    private volatile LiveUpdates live;
    private SoftReference<Snapshot> last = new SoftReference<>(null);

    WebService(WebConfig config, FleetSource source, RecentDecisions decisions, Vertx vertx) {
        this.config = config;
        this.source = source;
        this.decisions = decisions;
        this.vertx = vertx;
    }

    void start(@Observes StartupEvent event) {
        if (!config.enabled()) {
            return;
        }
        live = new LiveUpdates(vertx, source, decisions);
        HttpServerOptions options = new HttpServerOptions().setCompressionSupported(true);
        vertx.createHttpServer(options)
                .requestHandler(router())
                .listen(config.port(), config.host())
                .onSuccess(s -> {
                    server = s;
                    LOG.infof("the page is at http://%s:%d/", config.host(), s.actualPort());
                })
                .onFailure(e -> LOG.warnf(
                        "the page is not served, the rest goes on: %s:%d: %s",
                        config.host(), config.port(), e.getMessage()));
    }

    void stop(@Observes ShutdownEvent event) {
        HttpServer now = server;
        if (now != null) {
            live.close();
            var _ = now.close();
        }
    }

    private Router router() {
        Router router = Router.router(vertx);
        router.route().handler(this::guard);
        router.get("/api/live").handler(live::join);
        router.get("/api/fleet").handler(page((s, r) -> Optional.of(FleetPage.of(s, replica()))));
        router.get("/api/policies/:name")
                .handler(page((s, r) -> s.fleet().policy(r.pathParam("name")).map(p -> PolicyPage.of(s, p))));
        router.get("/api/nodes").handler(page((s, r) -> Optional.of(NodePages.list(s, NodePages.Query.of(r)))));
        router.get("/api/nodes/:name")
                .handler(page((s, r) -> s.fleet().node(r.pathParam("name")).map(n -> NodePages.one(s, n))));
        router.get("/api/vms").handler(page((s, r) -> Optional.of(VmPages.list(s, VmPages.Query.of(r)))));
        router.get("/api/vms/:namespace/:name")
                .handler(page((s, r) -> s.fleet()
                        .vm(r.pathParam("namespace"), r.pathParam("name"))
                        .map(v -> VmPages.one(s, v))));
        router.get("/api/guest-abis/:label")
                .handler(page((s, r) -> s.fleet()
                        .digest(r.pathParam("label"))
                        .flatMap(s.fleet()::guestAbi)
                        .map(g -> GuestAbiPage.of(s, g))));
        router.get("/api/search").handler(page((s, r) -> Optional.of(SearchPage.of(s, query(r, "q")))));
        router.get("/api/decisions")
                .handler(page((s, r) -> Optional.of(
                        decisions.newestFirst().stream().map(DecisionRow::of).toList())));
        Assets assets = new Assets();
        router.get().handler(assets::serve);
        return router;
    }

    /**
     * What is bound to the loopback address answers to loopback names alone: else a page of elsewhere, in the browser of
     * somebody who forwards the port, could read it under a name of its own (DNS rebinding).
     */
    private void guard(RoutingContext context) {
        HttpServerResponse response = context.response();
        HEADERS.forEach(response::putHeader);
        String host = Optional.ofNullable(context.request().getHeader("Host")).orElse("");
        String name = host.replaceFirst(":\\d+$", "");
        if (isLoopback(config.host()) && !LOOPBACK_NAMES.contains(name)) {
            refuse(response, 421, "this page answers to localhost alone");
        } else if (!context.request().method().equals(HttpMethod.GET)
                && !context.request().method().equals(HttpMethod.HEAD)) {
            response.putHeader("Allow", "GET, HEAD");
            refuse(response, 405, "this page only reads");
        } else {
            context.next();
        }
    }

    private static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    private Handler<RoutingContext> page(BiFunction<Snapshot, RoutingContext, Optional<?>> page) {
        return context -> vertx.executeBlocking(() -> answer(page, context), false)
                .onSuccess(body -> {
                    if (body == null) {
                        refuse(context.response(), 503, "the fleet has not been read yet");
                    } else if (body.isEmpty()) {
                        refuse(context.response(), 404, "there is no such object");
                    } else {
                        send(context.response().putHeader("Content-Type", "application/json"), body);
                    }
                })
                .onFailure(e -> {
                    LOG.errorf(e, "%s could not be shown", context.request().path());
                    refuse(context.response(), 500, "this could not be shown; the operator's log has more");
                });
    }

    /** JSON; null before the fleet was read, empty for what does not exist. */
    private String answer(BiFunction<Snapshot, RoutingContext, Optional<?>> page, RoutingContext context)
            throws JsonProcessingException {
        Optional<Snapshot> snapshot = source.fleet().map(this::snapshot);
        if (snapshot.isEmpty()) {
            return null;
        }
        Optional<?> found = page.apply(snapshot.get(), context);
        return found.isEmpty() ? "" : json.writeValueAsString(found.get());
    }

    /** Kept while the fleet is the same and memory is not short: an old fleet that nobody looks at is not held. */
    private synchronized Snapshot snapshot(Fleet fleet) {
        Snapshot known = last.get();
        if (known != null && known.fleet() == fleet) {
            return known;
        }
        Snapshot made = new Snapshot(fleet, decisions);
        last = new SoftReference<>(made);
        return made;
    }

    static String query(RoutingContext context, String name) {
        return Optional.ofNullable(context.request().getParam(name)).orElse("").strip();
    }

    private static String replica() {
        return System.getenv("HOSTNAME");
    }

    private static void refuse(HttpServerResponse response, int code, String why) {
        send(response.setStatusCode(code).putHeader("Content-Type", "text/plain; charset=utf-8"), why + "\n");
    }

    private static void send(HttpServerResponse response, String body) {
        var _ = response.end(body);
    }
}
