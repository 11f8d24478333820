package dev.vmabi.operator;

import dev.vmabi.api.Names;
import dev.vmabi.fleet.FleetEvent;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.MicroTime;
import io.fabric8.kubernetes.api.model.ObjectReferenceBuilder;
import io.fabric8.kubernetes.api.model.events.v1.EventBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jboss.logging.Logger;

/**
 * Records events (events.k8s.io/v1). Decisions say each thing once, when it changes; an event that cannot be written
 * is logged and stops nothing.
 */
@ApplicationScoped
public class Events {
    private static final Logger LOG = Logger.getLogger(Events.class);
    private static final String CONTROLLER = "vmabi.dev/operator";
    private static final int LONGEST_NOTE = 1024;

    private final KubernetesClient client;
    private final Clock clock;
    private final AtomicLong sequence = new AtomicLong();
    private final String instance = Objects.requireNonNullElse(System.getenv("HOSTNAME"), "vmabi-operator");

    Events(KubernetesClient client, Clock clock) {
        this.client = client;
        this.clock = clock;
    }

    /** Records the event on the object, in its namespace or in {@code default} where it has none. */
    public void record(HasMetadata about, FleetEvent event) {
        String namespace = Objects.requireNonNullElse(about.getMetadata().getNamespace(), "default");
        String note = event.note().length() > LONGEST_NOTE ? event.note().substring(0, LONGEST_NOTE) : event.note();
        try {
            client.events()
                    .v1()
                    .events()
                    .inNamespace(namespace)
                    .resource(new EventBuilder()
                            .withNewMetadata()
                            .withName(uniqueName(about))
                            .withNamespace(namespace)
                            .addToLabels("app.kubernetes.io/managed-by", Names.OPERATOR_MANAGER)
                            .endMetadata()
                            .withEventTime(new MicroTime(clock.instant()
                                    .truncatedTo(ChronoUnit.MICROS)
                                    .toString()))
                            .withReportingController(CONTROLLER)
                            .withReportingInstance(instance)
                            .withAction(event.reason().name())
                            .withReason(event.reason().name())
                            .withType(event.reason().type())
                            .withNote(note)
                            .withRegarding(new ObjectReferenceBuilder()
                                    .withApiVersion(about.getApiVersion())
                                    .withKind(about.getKind())
                                    .withName(about.getMetadata().getName())
                                    .withNamespace(about.getMetadata().getNamespace())
                                    .withUid(about.getMetadata().getUid())
                                    .build())
                            .build())
                    .create();
        } catch (KubernetesClientException e) {
            LOG.warnf(
                    "event %s on %s could not be written: %s",
                    event.reason(),
                    about.getMetadata().getName(),
                    ServerAnswer.in(e).orElseThrow());
        }
    }

    /** As Kubernetes' own recorders name events: the object and the time. */
    private String uniqueName(HasMetadata about) {
        Instant now = clock.instant();
        long nanos = TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
        return about.getMetadata().getName() + "." + Long.toHexString(nanos + sequence.getAndIncrement());
    }
}
