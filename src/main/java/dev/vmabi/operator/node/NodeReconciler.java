package dev.vmabi.operator.node;

import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.FlightRecorder;
import dev.vmabi.fleet.NodeDecision;
import dev.vmabi.operator.Events;
import dev.vmabi.operator.FleetCache;
import dev.vmabi.operator.Spans;
import dev.vmabi.operator.Writes;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.api.config.informer.Informer;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.MaxReconciliationInterval;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import java.net.HttpURLConnection;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Gives each node the labels it has earned since its last boot, takes the others, and answers its report. */
@ControllerConfiguration(
        name = "node",
        fieldManager = Names.OPERATOR_MANAGER,
        maxReconciliationInterval = @MaxReconciliationInterval(interval = 10, timeUnit = TimeUnit.MINUTES),
        informer = @Informer(labelSelector = KnownNodes.NONE, itemStore = KnownNodes.class))
public class NodeReconciler implements Reconciler<Node> {
    private static final Duration UNDECIDED = Duration.ofMinutes(1);
    private static final Duration LOOK_AGAIN = Duration.ofMillis(200);

    private final FleetCache cache;
    private final Writes writes;
    private final Events events;
    private final Spans spans;
    private final FlightRecorder recorder;
    private final Clock clock;

    NodeReconciler(FleetCache cache, Writes writes, Events events, Spans spans, FlightRecorder recorder, Clock clock) {
        this.cache = cache;
        this.writes = writes;
        this.events = events;
        this.spans = spans;
        this.recorder = recorder;
        this.clock = clock;
    }

    @Override
    public List<EventSource<?, Node>> prepareEventSources(EventSourceContext<Node> context) {
        NodeEvents events = new NodeEvents(cache);
        cache.listen(events::changed);
        return List.of(events);
    }

    /**
     * Whether the policy that holds the node is so young that nothing is decided of it, which takes a moment: thousands of
     * nodes are then not written what holds just that long. A node that loses a label, or gets one that VMs need, is.
     */
    private static boolean mayWait(Fleet fleet, FleetState.Node node, NodeDecision decision, Instant now) {
        return fleet.holder(node.name())
                        .filter(p ->
                                p.status() == null && now.isBefore(p.created().plus(UNDECIDED)))
                        .isPresent()
                && decision.labels().containsAll(node.guestAbiLabels())
                && fleet.stamps().stream()
                        .noneMatch(s -> decision.labels().contains(s)
                                && !node.guestAbiLabels().contains(s));
    }

    @Override
    public UpdateControl<Node> reconcile(Node node, Context<Node> context) {
        return spans.around("reconcile node", Spans.NODE, node.getMetadata().getName(), () -> reconcile(node));
    }

    private UpdateControl<Node> reconcile(Node node) {
        String name = node.getMetadata().getName();
        Optional<Fleet> fleet = cache.fleet();
        Optional<FleetState.Node> seen = fleet.flatMap(f -> f.node(name));
        if (seen.isEmpty()) {
            return UpdateControl.noUpdate();
        }
        FleetState.Node view = cache.live(seen.get());
        Instant now = clock.instant();
        NodeDecision decision = NodeDecision.decide(fleet.get(), view, now);
        if (mayWait(fleet.get(), view, decision, now)) {
            return UpdateControl.<Node>noUpdate().rescheduleAfter(UNDECIDED);
        }
        recorder.decided(fleet.get(), view, now, decision);
        try {
            write(node, view, decision);
        } catch (KubernetesClientException e) {
            if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
                throw e;
            }
            // The node or its report is another by now, by a heartbeat, say, which no decision sees.
            return UpdateControl.<Node>noUpdate().rescheduleAfter(LOOK_AGAIN);
        }
        return UpdateControl.noUpdate();
    }

    private void write(Node node, FleetState.Node view, NodeDecision decision) {
        if (!decision.labels().equals(view.guestAbiLabels())
                || !decision.profile().equals(view.profileLabel())) {
            writes.nodeLabels(view, decision.labels(), decision.profile());
        }
        Optional<NodeABI> answered = decision.status()
                .filter(status -> !status.equals(view.report().orElseThrow().status()))
                .map(status -> writes.nodeAbiStatus(view.name(), status));
        decision.events().forEach(e -> {
            events.record(node, e);
            answered.ifPresent(report -> events.record(report, e));
        });
    }
}
