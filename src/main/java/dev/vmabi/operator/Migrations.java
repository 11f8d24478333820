package dev.vmabi.operator;

import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.Migration;
import dev.vmabi.fleet.Migration.Phase;
import dev.vmabi.fleet.Views;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jboss.logging.Logger;

/**
 * Follows KubeVirt's migrations. One whose target pod was denied waits while KubeVirt asks again ever more rarely (1.10:
 * up to every 1000 s); when a node comes up that takes its VM, it is touched, and KubeVirt asks again at once. One touch
 * for each opening, by the leader alone. And a move that cannot be taken back is said to have been one.
 */
@ApplicationScoped
public class Migrations {
    private static final Logger LOG = Logger.getLogger(Migrations.class);

    /** Between looks, and so the most that a touch comes late. */
    private static final long GATHER_MILLIS = 200;

    /** Between touches of one migration: where nodes come up one by one, the first of them already had it asked for. */
    private static final Duration REST = Duration.ofSeconds(10);

    /** Who took a waiting migration's VM at the last look. */
    private record Seen(Set<String> takers, Instant touched) {}

    private final KubernetesClient client;
    private final FleetCache cache;
    private final Writes writes;
    private final Events events;
    private final MeterRegistry meters;
    private final Clock clock;
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("migrations").daemon().factory());
    private final Map<String, Migration> migrations = new ConcurrentHashMap<>();
    private final Map<String, Seen> seen = new HashMap<>();
    private final AtomicBoolean due = new AtomicBoolean();
    private volatile Optional<Instant> leadsSince = Optional.empty();
    private Served watched;

    Migrations(
            KubernetesClient client,
            FleetCache cache,
            Writes writes,
            Events events,
            MeterRegistry meters,
            Clock clock) {
        this.client = client;
        this.cache = cache;
        this.writes = writes;
        this.events = events;
        this.meters = meters;
        this.clock = clock;
    }

    void start(@Observes StartupEvent event) {
        watched = new Served(
                        client,
                        KubeVirt.MIGRATIONS,
                        this::changed,
                        (key, _) -> migrations.remove(key) != null,
                        migrations::clear,
                        this::lookSoon)
                .start();
        cache.listen((before, now) -> lookSoon());
    }

    void stop(@Observes ShutdownEvent event) {
        watched.close();
        executor.shutdownNow();
    }

    /** From now on this replica writes. */
    void lead() {
        leadsSince = Optional.of(clock.instant());
        lookSoon();
    }

    private boolean changed(String key, GenericKubernetesResource vmim) {
        Migration now = Views.migration(vmim);
        Migration before = migrations.put(key, now);
        if (before != null && before.phase() != Phase.Succeeded && now.phase() == Phase.Succeeded) {
            executor.execute(() -> moved(now, vmim));
        }
        return !now.equals(before);
    }

    private void lookSoon() {
        if (leadsSince.isPresent() && due.compareAndSet(false, true)) {
            Future<?> _ = executor.schedule(this::lookAtAll, GATHER_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private void lookAtAll() {
        due.set(false);
        boolean again = false;
        Optional<Fleet> fleet = cache.fleet();
        if (fleet.isEmpty()) {
            return;
        }
        seen.keySet().retainAll(migrations.values().stream().map(Migration::uid).toList());
        for (Migration migration : migrations.values()) {
            if (migration.phase() == Phase.Waiting) {
                again |= resting(fleet.get(), migration);
            } else {
                seen.remove(migration.uid());
            }
        }
        if (again) {
            Future<?> _ = executor.schedule(this::lookSoon, REST.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** Touches it if that is due; whether it would be, but for the rest it is given. */
    private boolean resting(Fleet fleet, Migration migration) {
        Set<String> takers = migration.takers(fleet);
        Seen before = seen.get(migration.uid());
        if (before == null) {
            // KubeVirt has only just asked for a young one; what an older one missed before this replica led is open.
            boolean young = migration.created().isAfter(leadsSince.orElseThrow());
            before = new Seen(young ? takers : Set.of(), Instant.MIN);
        }
        Instant now = clock.instant();
        if (before.takers().containsAll(takers)) {
            seen.put(migration.uid(), new Seen(takers, before.touched()));
        } else if (now.isAfter(before.touched().plus(REST)) || now.isBefore(before.touched())) {
            touch(migration, now);
            seen.put(migration.uid(), new Seen(takers, now));
        } else {
            return true;
        }
        return false;
    }

    private void touch(Migration migration, Instant now) {
        try {
            writes.retry(migration, now);
        } catch (KubernetesClientException e) {
            LOG.warnf(
                    "migration %s/%s could not be touched; KubeVirt tries it again in its own time: %s",
                    migration.namespace(), migration.name(), e.getMessage());
        }
    }

    private void moved(Migration migration, HasMetadata vmim) {
        if (leadsSince.isEmpty()) {
            return;
        }
        cache.fleet().flatMap(migration::oneWay).ifPresent(event -> {
            meters.counter("vmabi.one.way.moves").increment();
            events.record(vmim, event);
        });
    }
}
