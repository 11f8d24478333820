package dev.vmabi.operator.content;

import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABIStatus;
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

/** Collects guest ABIs that no pin, candidate, way back or VM refers to any more. */
@ControllerConfiguration(
        name = "guestabi",
        fieldManager = Names.OPERATOR_MANAGER,
        maxReconciliationInterval = @MaxReconciliationInterval(interval = 10, timeUnit = TimeUnit.MINUTES),
        generationAwareEventProcessing = false,
        informer = @Informer(onUpdateFilter = NewSpec.class))
public class GuestABIReconciler implements Reconciler<GuestABI> {
    private final FleetCache cache;
    private final ContentReview review;
    private final Unused unused = new Unused();
    private final SimpleInboundEventSource<GuestABI> fleetChanges = new SimpleInboundEventSource<>("fleet");

    GuestABIReconciler(FleetCache cache, ContentReview review) {
        this.cache = cache;
        this.review = review;
    }

    @Override
    public List<EventSource<?, GuestABI>> prepareEventSources(EventSourceContext<GuestABI> context) {
        cache.listen((before, now) -> {
            Set<String> was = before == null ? Set.of() : used(before);
            Set<String> is = used(now);
            now.state().guestAbis().keySet().stream()
                    .filter(d -> before == null || is.contains(d.label()) != was.contains(d.label()))
                    .forEach(d -> fleetChanges.propagateEvent(new ResourceID(d.hex())));
        });
        return List.of(fleetChanges);
    }

    @Override
    public UpdateControl<GuestABI> reconcile(GuestABI object, Context<GuestABI> context) {
        return review.review(
                object,
                new GuestABI(),
                context,
                unused,
                fleetChanges,
                () -> object.getSpec().toGuestAbi().digest().hex(),
                (fleet, name) -> used(fleet).stream().anyMatch(name::startsWith));
    }

    /** The first 16 digits of every guest ABI that is referred to. */
    private static Set<String> used(Fleet fleet) {
        Stream<String> byPolicies = fleet.state().policies().stream()
                .filter(p -> p.status() != null)
                .flatMap(p -> referred(p.status()))
                .map(d -> d.substring(0, 16));
        return Stream.concat(byPolicies, fleet.stamps().stream()).collect(Collectors.toSet());
    }

    private static Stream<String> referred(VirtualMachineABIStatus status) {
        return Stream.of(
                        Stream.ofNullable(status.baseline()).map(VirtualMachineABIStatus.Pin::digest),
                        Stream.ofNullable(status.candidate()).map(VirtualMachineABIStatus.Candidate::digest),
                        Stream.ofNullable(status.lowering()).map(VirtualMachineABIStatus.Lowering::digest),
                        Stream.ofNullable(status.previous()).map(VirtualMachineABIStatus.Previous::digest))
                .flatMap(s -> s);
    }
}
