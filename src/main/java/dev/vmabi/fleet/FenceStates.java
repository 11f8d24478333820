package dev.vmabi.fleet;

import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.PolicyTerms.FenceTerms;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Where a pool stands with each fence that its policy asks for or has raised. A raised fence is not taken down again. */
final class FenceStates {
    private static final int MOST_NODES = 20;

    private FenceStates() {}

    /** Decides for the policy; adds an event for each fence that is raised now. */
    static List<FenceState> decide(Fleet fleet, Policy policy, PolicyTerms terms, List<FleetEvent> events) {
        List<FenceState> states = new ArrayList<>();
        for (FenceTerms asked : terms.fences()) {
            Fence fence = asked.fence();
            FenceState where = where(fleet, policy, terms, fence, wasRaised(policy, fence.name()));
            boolean allReport = where.total() == fleet.pool(policy).size() && where.total() > 0;
            boolean now = where.raised()
                    || asked.raise() == FenceRaise.Now
                    || (asked.raise() == FenceRaise.WhenCrossed && allReport && where.crossed() == where.total());
            if (now && !where.raised()) {
                events.add(new FleetEvent(
                        Reason.FenceRaised,
                        "Fence " + fence.name() + " is raised: " + fence.wants() + "; it is not taken down again"));
            }
            states.add(new FenceState(where.fence(), where.crossed(), where.total(), now, where.before()));
        }
        List<Fence> raised = Stream.concat(Fence.raised(states).stream(), Fence.raised(policy.status()).stream())
                .distinct()
                .toList();
        raised.stream()
                .filter(f -> states.stream().noneMatch(s -> s.fence().equals(f.name())))
                .filter(f -> raised.stream().noneMatch(other -> !other.equals(f) && other.subsumes(f)))
                .map(f -> where(fleet, policy, terms, f, true))
                .forEach(states::add);
        // A later version has raised them, which is for good: this one cannot bind them, and keeps them for that one.
        raisedBefore(policy).filter(f -> Fence.named(f.fence()).isEmpty()).forEach(states::add);
        return states;
    }

    private static FenceState where(Fleet fleet, Policy policy, PolicyTerms terms, Fence fence, boolean raised) {
        int total = 0;
        List<PersistentMap<String, Node>> before = new ArrayList<>();
        for (Map.Entry<NodeKind, PersistentMap<String, Node>> group :
                fleet.index().nodes().all().entrySet()) {
            if (group.getKey() instanceof NodeKind.Heard heard && heard.holder().equals(Optional.of(policy.name()))) {
                PersistentMap<String, Node> nodes = group.getValue();
                total += nodes.size();
                if (fence.before(nodes.values().iterator().next(), heard.fresh().profiles(), terms.vmm())
                        .isPresent()) {
                    before.add(nodes);
                }
            }
        }
        Union<Node> behind = new Union<>(before);
        return new FenceState(
                fence.name(),
                total - behind.size(),
                total,
                raised,
                behind.first(MOST_NODES).stream().map(Node::name).toList());
    }

    private static boolean wasRaised(Policy policy, String fence) {
        return raisedBefore(policy).anyMatch(f -> f.fence().equals(fence));
    }

    private static Stream<FenceState> raisedBefore(Policy policy) {
        return policy.status() == null
                ? Stream.empty()
                : policy.status().fences().stream().filter(FenceState::raised);
    }
}
