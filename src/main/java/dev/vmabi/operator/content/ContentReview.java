package dev.vmabi.operator.content;

import dev.vmabi.api.ContentStatus;
import dev.vmabi.fleet.ConditionReason;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetEvent;
import dev.vmabi.operator.Events;
import dev.vmabi.operator.FleetCache;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.inbound.SimpleInboundEventSource;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Supplier;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * What is done alike with both content-addressed kinds: say whether the content holds, and collect what nobody uses. A few at
 * a time: the Operator SDK has one pool of threads for all kinds, in which nodes must not wait behind thousands of objects.
 */
@ApplicationScoped
public class ContentReview {
    private static final int AT_ONCE = 8;

    /** An object that is deleted while it waits releases no turn, and so calls nobody. */
    private static final Duration UNCALLED = Duration.ofSeconds(10);

    private final Turns turns = new Turns(AT_ONCE);
    private final KubernetesClient client;
    private final FleetCache cache;
    private final Events events;
    private final Clock clock;
    private final Duration grace;

    /** @param grace long enough for an agent or operator that is away for a while to come back to what it referred to */
    ContentReview(
            KubernetesClient client,
            FleetCache cache,
            Events events,
            Clock clock,
            @ConfigProperty(name = "vmabi.content.grace", defaultValue = "PT1H") Duration grace) {
        this.client = client;
        this.cache = cache;
        this.events = events;
        this.clock = clock;
        this.grace = grace;
    }

    /**
     * Reviews one object.
     *
     * @param source of the object's kind, by which it is looked at again
     * @param digest computes the digest of the content; throws IllegalArgumentException with what is wrong
     * @param inUse whether anything in the fleet refers to the object of that name
     */
    <P extends CustomResource<?, ContentStatus>> UpdateControl<P> review(
            P object,
            P update,
            Context<P> context,
            Unused unused,
            SimpleInboundEventSource<P> source,
            Supplier<String> digest,
            BiPredicate<Fleet, String> inUse) {
        Optional<Fleet> fleet = cache.fleet();
        if (fleet.isEmpty() || object.isMarkedForDeletion()) {
            return UpdateControl.noUpdate();
        }
        String name = object.getMetadata().getName();
        if (!turns.tryAcquire(object.getKind() + " " + name, () -> source.propagateEvent(new ResourceID(name)))) {
            return UpdateControl.<P>noUpdate().rescheduleAfter(UNCALLED);
        }
        try {
            Instant now = clock.instant();
            Optional<String> problem = problem(name, digest);
            // Also one that cannot be read: a later version may have written it, and its VMs and nodes are still there.
            Optional<Duration> remaining = unused.remaining(name, inUse.test(fleet.get(), name), now, grace);
            if (remaining.filter(Duration::isNegative).isPresent()) {
                client.resource(object).lockResourceVersion().delete();
                unused.forget(name);
                return UpdateControl.noUpdate();
            }
            status(object, problem, now).ifPresent(status -> {
                update.getMetadata().setName(name);
                update.getMetadata().setResourceVersion(object.getMetadata().getResourceVersion());
                update.setStatus(status);
                P _ = context.resourceOperations().serverSideApplyPrimaryStatus(update);
                problem.ifPresent(p -> events.record(object, new FleetEvent(FleetEvent.Reason.ContentInvalid, p)));
            });
            UpdateControl<P> control = UpdateControl.noUpdate();
            return remaining
                    .map(left -> control.rescheduleAfter(left.plusSeconds(1)))
                    .orElse(control);
        } finally {
            turns.release();
        }
    }

    private static Optional<String> problem(String name, Supplier<String> digest) {
        try {
            String actual = digest.get();
            return actual.equals(name)
                    ? Optional.empty()
                    : Optional.of("the content has digest " + actual + ", not the one it is named by; it is ignored");
        } catch (IllegalArgumentException e) {
            return Optional.of("spec." + e.getMessage() + "; it is ignored");
        }
    }

    private static Optional<ContentStatus> status(
            CustomResource<?, ContentStatus> object, Optional<String> problem, Instant now) {
        String status = problem.isEmpty() ? "True" : "False";
        long generation = object.getMetadata().getGeneration();
        Condition valid = new ConditionBuilder()
                .withType("Valid")
                .withStatus(status)
                .withReason((problem.isEmpty() ? ConditionReason.DigestMatches : ConditionReason.ContentInvalid).name())
                .withMessage(problem.orElse("the content has the digest it is named by"))
                .withObservedGeneration(generation)
                .withLastTransitionTime(now.truncatedTo(ChronoUnit.SECONDS).toString())
                .build();
        boolean same = object.getStatus() != null
                && object.getStatus().conditions().stream()
                        .anyMatch(c -> c.getStatus().equals(status)
                                && c.getMessage().equals(valid.getMessage())
                                && c.getObservedGeneration() == generation);
        return same ? Optional.empty() : Optional.of(new ContentStatus(generation, List.of(valid)));
    }
}
