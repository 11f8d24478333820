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
import io.fabric8.kubernetes.client.KubernetesClient;
import io.javaoperatorsdk.operator.api.config.informer.Informer;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.event.source.inbound.SimpleInboundEventSource;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Gives each node the labels it has earned since its last boot, takes the others, and answers its report. */
@ControllerConfiguration(
        name = "node",
        fieldManager = Names.OPERATOR_MANAGER,
        informer =
                @Informer(onUpdateFilter = FleetCacheTells.class, itemStore = NodeNames.class, informerListLimit = 500))
public class NodeReconciler implements Reconciler<Node> {
    private final KubernetesClient client;
    private final FleetCache cache;
    private final Writes writes;
    private final Events events;
    private final Spans spans;
    private final FlightRecorder recorder;
    private final Clock clock;

    NodeReconciler(
            KubernetesClient client,
            FleetCache cache,
            Writes writes,
            Events events,
            Spans spans,
            FlightRecorder recorder,
            Clock clock) {
        this.client = client;
        this.cache = cache;
        this.writes = writes;
        this.events = events;
        this.spans = spans;
        this.recorder = recorder;
        this.clock = clock;
    }

    @Override
    public List<EventSource<?, Node>> prepareEventSources(EventSourceContext<Node> context) {
        SimpleInboundEventSource<Node> fleetChanges = new SimpleInboundEventSource<>("fleet");
        cache.listen(
                (before, now) -> concerned(before, now).forEach(n -> fleetChanges.propagateEvent(new ResourceID(n))));
        return List.of(fleetChanges);
    }

    /** Nodes that themselves changed, or all of them after a change that may concern any. */
    private static List<String> concerned(Fleet before, Fleet now) {
        boolean shared = before == null
                || !before.state().policies().equals(now.state().policies())
                || !before.state()
                        .guestAbis()
                        .keySet()
                        .equals(now.state().guestAbis().keySet())
                || !before.state()
                        .profiles()
                        .keySet()
                        .equals(now.state().profiles().keySet());
        return now.state().nodes().stream()
                .filter(n -> shared || !before.node(n.name()).equals(Optional.of(n)))
                .map(FleetState.Node::name)
                .toList();
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
        recorder.decided(fleet.get(), view, now, decision);
        if (!decision.labels().equals(view.guestAbiLabels())
                || !decision.profile().equals(view.profileLabel())) {
            writes.nodeLabels(view, decision.labels(), decision.profile());
        }
        decision.status()
                .filter(status -> !status.equals(view.report().orElseThrow().status()))
                .ifPresent(status -> writes.nodeAbiStatus(name, status));
        if (!decision.events().isEmpty()) {
            NodeABI nodeAbi = client.resources(NodeABI.class).withName(name).get();
            decision.events().forEach(e -> {
                events.record(node, e);
                if (nodeAbi != null) {
                    events.record(nodeAbi, e);
                }
            });
        }
        return UpdateControl.noUpdate();
    }
}
