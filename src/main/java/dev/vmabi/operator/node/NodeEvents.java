package dev.vmabi.operator.node;

import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetSource;
import dev.vmabi.fleet.NodeDecision;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.AbstractEventSource;
import io.javaoperatorsdk.operator.processing.event.source.ResourceAction;
import io.javaoperatorsdk.operator.processing.event.source.controller.ResourceDeleteEvent;
import io.javaoperatorsdk.operator.processing.event.source.controller.ResourceEvent;
import java.util.Collection;
import java.util.Set;

/** Tells the Operator SDK which nodes to decide anew, and which are gone: the fleet cache watches them, see {@link KnownNodes}. */
final class NodeEvents extends AbstractEventSource<Node, Node> {
    private final FleetSource fleets;

    NodeEvents(FleetSource fleets) {
        super(Node.class, "fleet");
        this.fleets = fleets;
    }

    /** The fleet may have been read before. What is told before this replica leads the SDK keeps until it does. */
    @Override
    public void start() {
        super.start();
        fleets.fleet().ifPresent(f -> decide(f.state().nodesByName().keySet()));
    }

    /** Takes note of a new fleet; {@code before} is null if all is to be looked at. */
    void changed(Fleet before, Fleet now) {
        if (!isRunning()) {
            return;
        }
        decide(NodeDecision.concerned(before, now));
        if (before != null) {
            before.state().nodesByName().differences(now.state().nodesByName()).stream()
                    .filter(n -> now.node(n).isEmpty())
                    .forEach(this::forget);
        }
    }

    private void decide(Collection<String> nodes) {
        nodes.forEach(
                n -> getEventHandler().handleEvent(new ResourceEvent(ResourceAction.UPDATED, new ResourceID(n), null)));
    }

    private void forget(String node) {
        Node gone =
                new NodeBuilder().withNewMetadata().withName(node).endMetadata().build();
        getEventHandler()
                .handleEvent(new ResourceDeleteEvent(ResourceAction.DELETED, new ResourceID(node), gone, true));
    }

    @Override
    public Set<Node> getSecondaryResources(Node primary) {
        return Set.of();
    }
}
