package dev.vmabi.gate;

import dev.vmabi.fleet.FleetSource;
import dev.vmabi.fleet.RecentDecisions;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.trace.Tracer;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** The gate within the running application: serves as soon as there is a certificate, and keeps that valid. */
@ApplicationScoped
public class GateService {
    private static final Logger LOG = Logger.getLogger(GateService.class);
    /** Files are read this often; what is kept in the cluster tells of its changes, so this only notices what is due. */
    private static final long LOOK_SECONDS = 30;

    private static final long RETRY_SECONDS = 2;
    private static final String DEFAULT_NAMESPACE = "vmabi-system";

    /** Keeps {@link ServingKeys} up to date; called often. */
    private interface CertificateKeeper {
        void ensure() throws GeneralSecurityException, IOException;
    }

    private final GateConfig config;
    private final Optional<String> namespace;
    private final KubernetesClient client;
    private final AdmissionServer.Reviewer reviews;
    private final Clock clock;
    private final ServingKeys keys = new ServingKeys();
    private final List<SharedIndexInformer<?>> informers = new ArrayList<>();
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("gate-certificate").daemon().factory());
    private volatile AdmissionServer server;
    private String lastTrouble = "";

    GateService(
            GateConfig config,
            @ConfigProperty(name = "vmabi.namespace") Optional<String> namespace,
            KubernetesClient client,
            FleetSource fleet,
            MeterRegistry meters,
            RecentDecisions recent,
            Tracer tracer,
            Clock clock) {
        this.config = config;
        this.namespace = namespace;
        this.client = client;
        this.reviews = new TracedReviews(tracer, new Admissions(fleet, meters, recent)::answer);
        this.clock = clock;
        Gauge.builder("vmabi.gate.certificate.expiry.timestamp", keys, GateService::expiry)
                .description("When the gate's certificate expires; NaN while there is none")
                .baseUnit("seconds")
                .register(meters);
    }

    private static double expiry(ServingKeys keys) {
        return keys.expiry().map(i -> (double) i.getEpochSecond()).orElse(Double.NaN);
    }

    /** The port that is served; empty before there is a certificate. */
    public OptionalInt port() {
        AdmissionServer now = server;
        return now == null ? OptionalInt.empty() : OptionalInt.of(now.port());
    }

    void start(@Observes StartupEvent event) {
        CertificateKeeper keeper = keeper();
        executor.execute(() -> keepLooking(keeper));
    }

    void stop(@Observes ShutdownEvent event) {
        informers.forEach(SharedIndexInformer::close);
        executor.shutdownNow();
        AdmissionServer now = server;
        if (now != null) {
            now.drain();
            now.close();
        }
    }

    private CertificateKeeper keeper() {
        if (config.certificate().isPresent() != config.key().isPresent()) {
            throw new IllegalStateException("vmabi.gate.certificate and vmabi.gate.key go together; set both or none");
        }
        if (config.certificate().isPresent()) {
            return new MountedCertificate(
                    config.certificate().get(), config.key().orElseThrow(), keys)::ensure;
        }
        String home =
                namespace.or(() -> Optional.ofNullable(client.getNamespace())).orElse(DEFAULT_NAMESPACE);
        List<String> hosts = new ArrayList<>(config.hosts().orElse(List.of()));
        hosts.add(config.service() + "." + home + ".svc");
        SelfManagedCertificate certificate = new SelfManagedCertificate(
                client, home, config.secret(), config.webhookConfiguration(), hosts, keys, clock);
        watch(client.secrets().inNamespace(home).withName(config.secret()).runnableInformer(0), certificate::ensure);
        watch(
                client.admissionRegistration()
                        .v1()
                        .mutatingWebhookConfigurations()
                        .withName(config.webhookConfiguration())
                        .runnableInformer(0),
                certificate::ensure);
        return certificate::ensure;
    }

    private <T extends HasMetadata> void watch(SharedIndexInformer<T> informer, CertificateKeeper keeper) {
        informer.addEventHandler(new ResourceEventHandler<>() {
            @Override
            public void onAdd(T object) {
                executor.execute(() -> look(keeper));
            }

            @Override
            public void onUpdate(T before, T object) {
                executor.execute(() -> look(keeper));
            }

            @Override
            public void onDelete(T object, boolean finalStateUnknown) {
                executor.execute(() -> look(keeper));
            }
        });
        informer.exceptionHandler((started, error) -> true);
        informers.add(informer);
        informer.start();
    }

    private void keepLooking(CertificateKeeper keeper) {
        look(keeper);
        Future<?> _ = executor.schedule(
                () -> keepLooking(keeper), lastTrouble.isEmpty() ? LOOK_SECONDS : RETRY_SECONDS, TimeUnit.SECONDS);
    }

    private void look(CertificateKeeper keeper) {
        try {
            keeper.ensure();
            if (server == null) {
                server = new AdmissionServer(config.port(), keys, reviews);
                LOG.infof("the gate serves on port %d", server.port());
            }
            lastTrouble = "";
        } catch (GeneralSecurityException | IOException | RuntimeException e) {
            trouble("the gate cannot keep its certificate or its port: " + e.getMessage());
        }
    }

    /** The same trouble is told once. */
    private void trouble(String text) {
        if (!text.equals(lastTrouble)) {
            lastTrouble = text;
            LOG.warn(text);
        }
    }
}
