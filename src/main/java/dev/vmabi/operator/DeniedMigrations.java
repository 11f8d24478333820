package dev.vmabi.operator;

import dev.vmabi.fleet.FleetEvent;
import dev.vmabi.fleet.RecentDecisions;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Tells of a denied migration on its VM: only who asked was answered, and no migration is there to look at. By the
 * replica that answered. A target pod's denial KubeVirt tells by itself.
 */
@ApplicationScoped
public class DeniedMigrations {
    private static final Duration REST = Duration.ofMinutes(5);
    private static final int MOST_REMEMBERED = 1_000;
    private static final int MOST_WAITING = 100;

    private final FleetCache cache;
    private final RecentDecisions decisions;
    private final Events events;
    /** One at a time; in a flood some go untold rather than wait without bound. */
    private final ThreadPoolExecutor writer = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MOST_WAITING),
            Thread.ofPlatform().name("denied-migrations").daemon().factory(),
            new ThreadPoolExecutor.DiscardPolicy());

    /** When what was last told of a VM. */
    private final Map<String, Instant> told = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Instant> eldest) {
            return size() > MOST_REMEMBERED;
        }
    };

    DeniedMigrations(FleetCache cache, RecentDecisions decisions, Events events) {
        this.cache = cache;
        this.decisions = decisions;
        this.events = events;
    }

    void start(@Observes StartupEvent event) {
        decisions.listen(this::decided);
    }

    void stop(@Observes ShutdownEvent event) {
        writer.shutdownNow();
    }

    private void decided(RecentDecisions.Entry entry) {
        if (entry.hook().equals("migration") && entry.verdict().equals("deny") && due(entry)) {
            writer.execute(() -> cache.fleet()
                    .flatMap(f -> f.vm(entry.namespace(), entry.vm()))
                    .map(KubeVirt::instance)
                    .ifPresent(
                            vm -> events.record(vm, new FleetEvent(FleetEvent.Reason.MigrationDenied, entry.text()))));
        }
    }

    /** The same is told again only after a while. */
    private synchronized boolean due(RecentDecisions.Entry entry) {
        String what = entry.namespace() + "/" + entry.vm() + "\n" + entry.text();
        Instant last = told.get(what);
        if (last != null && entry.at().isBefore(last.plus(REST))) {
            return false;
        }
        told.put(what, entry.at());
        return true;
    }
}
