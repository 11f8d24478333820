package dev.vmabi.operator;

import dev.vmabi.fleet.FlightRecorder;
import dev.vmabi.fleet.RecentDecisions;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfiguration;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfigurationBuilder;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Tracer;
import io.quarkus.runtime.ShutdownEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** What the operator is put together from beside its own classes. */
@ApplicationScoped
public class Application {
    private static final Logger LOG = Logger.getLogger(Application.class);

    private static final String LEASE = "vmabi-operator";
    private static final Duration LEASE_LASTS = Duration.ofSeconds(15);

    private final String identity;
    private volatile boolean ending;

    Application(@ConfigProperty(name = "vmabi.identity") Optional<String> identity) {
        this.identity = identity.orElseGet(() -> UUID.randomUUID().toString());
    }

    @Produces
    @ApplicationScoped
    Clock clock() {
        return Clock.systemUTC();
    }

    @Produces
    @Singleton
    RecentDecisions recentDecisions() {
        return new RecentDecisions();
    }

    @Produces
    @Singleton
    FlightRecorder flightRecorder(@ConfigProperty(name = "vmabi.flight-recorder.size", defaultValue = "0") int size) {
        return new FlightRecorder(size);
    }

    /** Where traces are off one that does nothing: OpenTelemetry's own would make spans even then, for nobody. */
    @Produces
    @Singleton
    Tracer tracer(OpenTelemetry telemetry, @ConfigProperty(name = "quarkus.otel.sdk.disabled") boolean disabled) {
        return (disabled ? OpenTelemetry.noop() : telemetry).getTracer("vmabi");
    }

    @Produces
    @Singleton
    KubernetesClient client(KubernetesSerialization serialization, Config config) {
        return new KubernetesClientBuilder()
                .withKubernetesSerialization(serialization)
                .withConfig(config)
                .withHttpClientBuilderConsumer(http -> http.addOrReplaceInterceptor(
                                "lease", new ObservedLease(LEASE, identity, System::nanoTime))
                        .addOrReplaceInterceptor(
                                "fence", new LeaseFence(LEASE, LEASE_LASTS, System::nanoTime, this::endIfLost)))
                .build();
    }

    void close(@Disposes KubernetesClient client) {
        client.close();
    }

    /** Only the holder of the lease writes; every replica admits. */
    @Produces
    @ApplicationScoped
    LeaderElectionConfiguration leaderElection(
            @ConfigProperty(name = "vmabi.namespace") Optional<String> namespace,
            MeterRegistry meters,
            Migrations migrations) {
        AtomicInteger leads = new AtomicInteger();
        Gauge.builder("vmabi.leader", leads, AtomicInteger::get)
                .description("1 on the replica that holds the lease and writes, 0 on the others")
                .register(meters);
        LeaderElectionConfigurationBuilder builder = LeaderElectionConfigurationBuilder.aLeaderElectionConfiguration(
                        LEASE)
                .withLeaseDuration(LEASE_LASTS)
                .withRenewDeadline(Duration.ofSeconds(10))
                .withRetryPeriod(Duration.ofSeconds(2))
                .withLeaderCallbacks(new LeaderCallbacks(
                        () -> {
                            leads.set(1);
                            migrations.lead();
                        },
                        () -> {
                            leads.set(0);
                            endIfLost();
                        },
                        leader -> {}));
        namespace.ifPresent(builder::withLeaseNamespace);
        return builder.withIdentity(identity).build();
    }

    void ending(@Observes @Priority(1) ShutdownEvent event) {
        ending = true;
    }

    /**
     * Who has lost the lease never asks for it again; what is started in its place does. And nothing that is under way may
     * write any more, which an orderly end would let it.
     */
    private void endIfLost() {
        if (!ending) {
            LOG.error("the lease is lost; ending at once");
            Runtime.getRuntime().halt(1);
        }
    }
}
