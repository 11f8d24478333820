package dev.vmabi.operator.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.fleet.ExampleFleet;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.FleetState.Node;
import io.javaoperatorsdk.operator.processing.event.Event;
import io.javaoperatorsdk.operator.processing.event.source.ResourceAction;
import io.javaoperatorsdk.operator.processing.event.source.controller.ResourceEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NodeEventsTest {
    private final Fleet fleet = ExampleFleet.fleet();
    private final List<String> told = new ArrayList<>();
    private Optional<Fleet> read = Optional.of(fleet);
    private final NodeEvents events = new NodeEvents(() -> read);

    NodeEventsTest() {
        events.setEventHandler(this::note);
    }

    private void note(Event event) {
        ResourceEvent of = (ResourceEvent) event;
        told.add(of.getAction() + " " + of.getRelatedCustomResourceID().getName());
        if (of.getAction() == ResourceAction.DELETED) {
            assertThat(of.getResource())
                    .as("what the SDK tells apart by")
                    .hasValueSatisfying(n -> assertThat(n.getMetadata().getName())
                            .isEqualTo(of.getRelatedCustomResourceID().getName()));
        }
    }

    @Test
    void allAreDecidedAtTheStart() {
        events.start();
        assertThat(told)
                .containsExactlyInAnyOrderElementsOf(fleet.state().nodesByName().keySet().stream()
                        .map(n -> "UPDATED " + n)
                        .toList());
    }

    @Test
    void allAreDecidedOnceTheFleetHasBeenRead() {
        read = Optional.empty();
        events.start();
        assertThat(told).isEmpty();
        events.changed(null, fleet);
        assertThat(told).hasSize(fleet.state().nodesByName().size());
    }

    @Test
    void nothingIsToldBeforeTheStartOrAfterTheEnd() {
        events.changed(null, fleet);
        events.start();
        events.stop();
        told.clear();
        events.changed(null, fleet);
        events.changed(fleet, without("a-1"));
        assertThat(told).isEmpty();
    }

    @Test
    void aNodeThatIsGoneIsForgottenAndOneThatComesIsDecided() {
        events.start();
        told.clear();
        events.changed(fleet, fleet);
        assertThat(told).isEmpty();
        events.changed(fleet, without("a-1"));
        assertThat(told).contains("DELETED a-1").doesNotContain("DELETED a-2");
        told.clear();
        events.changed(without("a-1"), fleet);
        assertThat(told).contains("UPDATED a-1").noneMatch(t -> t.startsWith("DELETED"));
    }

    private Fleet without(String node) {
        FleetState state = fleet.state();
        List<Node> others = state.nodesByName().values().stream()
                .filter(n -> !n.name().equals(node))
                .toList();
        return fleet.next(new FleetState(
                state.policies(),
                others,
                state.profiles(),
                state.guestAbis(),
                List.copyOf(state.vmsByKey().values()),
                Map.copyOf(state.namespaces())));
    }
}
