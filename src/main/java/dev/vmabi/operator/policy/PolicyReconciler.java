package dev.vmabi.operator.policy;

import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetEvent;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.FlightRecorder;
import dev.vmabi.fleet.PolicyDecision;
import dev.vmabi.fleet.ReadableStatus;
import dev.vmabi.operator.Events;
import dev.vmabi.operator.FleetCache;
import dev.vmabi.operator.NewSpec;
import dev.vmabi.operator.Spans;
import dev.vmabi.operator.Writes;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
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
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Holds each pool to its policy: decide, publish the guest ABIs, stamp the VMs, say so in the status. */
@ControllerConfiguration(
        name = "policy",
        fieldManager = Names.OPERATOR_MANAGER,
        rateLimiter = FiveASecond.class,
        maxReconciliationInterval = @MaxReconciliationInterval(interval = 10, timeUnit = TimeUnit.MINUTES),
        generationAwareEventProcessing = false,
        informer = @Informer(onUpdateFilter = NewSpec.class))
public class PolicyReconciler implements Reconciler<VirtualMachineABI> {
    private static final Duration LOOK_AGAIN = Duration.ofMillis(200);

    /** The Operator SDK keeps a timer until its time has come, although each reconciliation sets another in its place. */
    private static final Duration LONGEST_TIMER = Duration.ofMinutes(10);

    private final FleetCache cache;
    private final Writes writes;
    private final Stamps stamps;
    private final Events events;
    private final Spans spans;
    private final FlightRecorder recorder;
    private final Clock clock;

    PolicyReconciler(
            FleetCache cache,
            Writes writes,
            Stamps stamps,
            Events events,
            Spans spans,
            FlightRecorder recorder,
            Clock clock) {
        this.cache = cache;
        this.writes = writes;
        this.stamps = stamps;
        this.events = events;
        this.spans = spans;
        this.recorder = recorder;
        this.clock = clock;
    }

    @Override
    public List<EventSource<?, VirtualMachineABI>> prepareEventSources(EventSourceContext<VirtualMachineABI> context) {
        SimpleInboundEventSource<VirtualMachineABI> fleetChanges = new SimpleInboundEventSource<>("fleet");
        cache.listen((before, now) ->
                PolicyDecision.concerned(before, now).forEach(p -> fleetChanges.propagateEvent(new ResourceID(p))));
        return List.of(fleetChanges);
    }

    @Override
    public UpdateControl<VirtualMachineABI> reconcile(VirtualMachineABI policy, Context<VirtualMachineABI> context) {
        return spans.around(
                "reconcile policy", Spans.POLICY, policy.getMetadata().getName(), () -> reconcile(policy));
    }

    private UpdateControl<VirtualMachineABI> reconcile(VirtualMachineABI policy) {
        Optional<Fleet> fleet = cache.fleet();
        Optional<FleetState.Policy> known = fleet.flatMap(
                        f -> f.policy(policy.getMetadata().getName()))
                .filter(p -> p.uid().equals(policy.getMetadata().getUid()));
        long seen = known.map(FleetState.Policy::generation).orElse(-1L);
        if (seen < policy.getMetadata().getGeneration()) {
            // The cache has not seen this spec; its listener calls again when it has.
            return UpdateControl.noUpdate();
        }
        if (seen > policy.getMetadata().getGeneration()) {
            // The Operator SDK 5.3.2 can lose the event of a change that falls into its own write: look again.
            return UpdateControl.<VirtualMachineABI>noUpdate().rescheduleAfter(LOOK_AGAIN);
        }
        Instant now = clock.instant();
        ReadableStatus status = ReadableStatus.of(policy.getStatus());
        FleetState.Policy view = known.get().with(status.status());
        PolicyDecision decision = PolicyDecision.decide(fleet.get(), view, now);
        recorder.decided(fleet.get(), view, now, decision);
        SeveralAtOnce.write(
                decision.guestAbis().values().stream()
                        .filter(abi -> !cache.exists(abi.digest()))
                        .toList(),
                writes::publish);
        // What nodes wait for is said first.
        boolean stampsLeft = policy.getStatus() == null
                ? !decision.stamps().isEmpty()
                : stamps.write(
                        fleet.get(), decision.stamps(), policy.getMetadata().getName());
        status.leftOut()
                .forEach(what -> events.record(
                        policy, new FleetEvent(FleetEvent.Reason.StatusUnreadable, what + "; it is decided anew")));
        decision.events().forEach(e -> events.record(policy, e));
        UpdateControl<VirtualMachineABI> control = updateStatus(policy, decision, now);
        return stampsLeft ? control.rescheduleAfter(LOOK_AGAIN) : control;
    }

    private static UpdateControl<VirtualMachineABI> updateStatus(
            VirtualMachineABI policy, PolicyDecision decision, Instant now) {
        UpdateControl<VirtualMachineABI> control;
        if (decision.status().equals(policy.getStatus())) {
            control = UpdateControl.noUpdate();
        } else {
            VirtualMachineABI update = new VirtualMachineABI();
            update.setMetadata(new ObjectMetaBuilder()
                    .withName(policy.getMetadata().getName())
                    // It holds the pin: what another leader has written since must not be taken back by a write that is
                    // late.
                    .withResourceVersion(policy.getMetadata().getResourceVersion())
                    .build());
            update.setStatus(decision.status());
            control = UpdateControl.patchStatus(update);
        }
        if (decision.next().equals(Instant.MAX)) {
            return control;
        }
        Duration left = Duration.between(now, decision.next()).plusMillis(100);
        return control.rescheduleAfter(left.compareTo(LONGEST_TIMER) < 0 ? left : LONGEST_TIMER);
    }
}
