package dev.vmabi.web;

import dev.vmabi.api.NodeABIStatus.PolicyVerdict;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.RecentDecisions;
import dev.vmabi.fleet.Standing;
import dev.vmabi.fleet.VmStanding;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** One fleet with what several pages need of it; computed when first asked for, and kept while the fleet is the same. */
final class Snapshot {
    private final Fleet fleet;
    private final RecentDecisions decisions;
    private final Map<String, Policy> policyOfNode = new HashMap<>();
    private final Map<String, Map<String, VmStanding>> vms = new ConcurrentHashMap<>();
    private final Map<String, HostClasses> classes = new ConcurrentHashMap<>();

    Snapshot(Fleet fleet, RecentDecisions decisions) {
        this.fleet = fleet;
        this.decisions = decisions;
        fleet.state().policies().forEach(p -> fleet.pool(p).forEach(n -> policyOfNode.put(n.name(), p)));
    }

    Fleet fleet() {
        return fleet;
    }

    RecentDecisions decisions() {
        return decisions;
    }

    List<Policy> policies() {
        return fleet.state().policies().stream()
                .sorted(Comparator.comparing(Policy::name))
                .toList();
    }

    Optional<Policy> policyOf(Node node) {
        return Optional.ofNullable(policyOfNode.get(node.name()));
    }

    /** The VMs in the policy's scope, by namespace and name. */
    Map<String, VmStanding> vms(Policy policy) {
        return vms.computeIfAbsent(
                policy.name(),
                n -> VmStanding.of(fleet, policy).stream()
                        .collect(Collectors.toMap(s -> s.vm().key(), s -> s, (a, b) -> b)));
    }

    Optional<VmStanding> standing(Vm vm) {
        return fleet.policyFor(vm).map(p -> vms(p).get(vm.key()));
    }

    HostClasses classes(Policy policy) {
        return classes.computeIfAbsent(policy.name(), n -> HostClasses.of(this, policy));
    }

    /** What the operator last said of a node. */
    NodeStanding nodeStanding(Node node) {
        Optional<Policy> policy = policyOf(node);
        if (policy.isEmpty()) {
            return new NodeStanding("NoPolicy", "no VirtualMachineABI selects this node");
        }
        return switch (fleet.standing(node.name())) {
            case Standing.Fresh _ ->
                verdict(node, policy.get())
                        .map(v -> new NodeStanding(v.state().name(), String.join("; ", v.reasons())))
                        .orElseGet(() -> new NodeStanding("Waiting", "the operator has not judged it yet"));
            case Standing.Missing _ -> new NodeStanding("Waiting", "its agent has not reported");
            case Standing.Stale _ -> new NodeStanding("Waiting", "its report is from before its last boot");
            case Standing.Unusable unusable ->
                new NodeStanding("Waiting", unusable.reason().replace(" on node " + node.name(), ""));
        };
    }

    private static Optional<PolicyVerdict> verdict(Node node, Policy policy) {
        return node.report()
                .flatMap(r -> Optional.ofNullable(r.status()))
                .flatMap(s -> s.policies().stream()
                        .filter(v -> v.policy().equals(policy.name()))
                        .findFirst());
    }

    /** The profile that holds for the node now. */
    Optional<Standing.Fresh> fresh(Node node) {
        return fleet.standing(node.name()) instanceof Standing.Fresh f ? Optional.of(f) : Optional.empty();
    }
}
