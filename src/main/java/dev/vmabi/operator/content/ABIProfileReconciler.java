package dev.vmabi.operator.content;

import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.operator.FleetCache;
import dev.vmabi.operator.NewSpec;
import io.javaoperatorsdk.operator.api.config.informer.Informer;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.MaxReconciliationInterval;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.event.source.inbound.SimpleInboundEventSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reports host profiles that are not what they are named by, and collects those that no node or policy refers to. */
@ControllerConfiguration(
        name = "abiprofile",
        fieldManager = Names.OPERATOR_MANAGER,
        maxReconciliationInterval = @MaxReconciliationInterval(interval = 10, timeUnit = TimeUnit.MINUTES),
        generationAwareEventProcessing = false,
        informer = @Informer(onUpdateFilter = NewSpec.class))
public class ABIProfileReconciler implements Reconciler<ABIProfile> {
    private final FleetCache cache;
    private final ContentReview review;
    private final Unused unused = new Unused();
    private final SimpleInboundEventSource<ABIProfile> fleetChanges = new SimpleInboundEventSource<>("fleet");

    ABIProfileReconciler(FleetCache cache, ContentReview review) {
        this.cache = cache;
        this.review = review;
    }

    @Override
    public List<EventSource<?, ABIProfile>> prepareEventSources(EventSourceContext<ABIProfile> context) {
        cache.listen((before, now) -> {
            Set<String> was = before == null ? Set.of() : used(before);
            Set<String> is = used(now);
            now.state().profiles().keySet().stream()
                    .filter(d -> before == null || is.contains(d.hex()) != was.contains(d.hex()))
                    .forEach(d -> fleetChanges.propagateEvent(new ResourceID(d.hex())));
        });
        return List.of(fleetChanges);
    }

    @Override
    public UpdateControl<ABIProfile> reconcile(ABIProfile object, Context<ABIProfile> context) {
        return review.review(
                object,
                new ABIProfile(),
                context,
                unused,
                fleetChanges,
                () -> object.getSpec().toHostProfile().digest().hex(),
                (fleet, name) -> used(fleet).contains(name));
    }

    private static Set<String> used(Fleet fleet) {
        Stream<String> byPolicies = fleet.state().policies().stream()
                .flatMap(p -> Stream.ofNullable(p.spec().baseline().profile()));
        return Stream.concat(fleet.profilesReported().stream(), byPolicies).collect(Collectors.toSet());
    }
}
