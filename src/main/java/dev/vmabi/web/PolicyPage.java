package dev.vmabi.web;

import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** One policy: its spec and status as {@code kubectl get vmabi -o json} has them, its classes, and its troubled nodes. */
record PolicyPage(
        String name, VirtualMachineABISpec spec, VirtualMachineABIStatus status, HostClasses classes, List<Kept> kept) {
    private static final int MOST_EXAMPLES = 6;

    /** Nodes that get no VMs, for one reason. */
    record Kept(String state, String reason, List<String> lost, int nodes, List<String> examples) {}

    static PolicyPage of(Snapshot snapshot, Policy policy) {
        return new PolicyPage(
                policy.name(), policy.spec(), policy.status(), snapshot.classes(policy), kept(snapshot, policy));
    }

    private static List<Kept> kept(Snapshot snapshot, Policy policy) {
        Map<String, List<String>> lost = new TreeMap<>();
        if (policy.status() != null) {
            policy.status().fencedNodes().forEach(f -> lost.putIfAbsent(f.reason(), f.lostFeatures()));
        }
        Map<NodeStanding, List<String>> nodes = new HashMap<>();
        for (Node node : snapshot.fleet().pool(policy)) {
            NodeStanding standing = snapshot.nodeStanding(node);
            if (!standing.state().equals("Accepting")) {
                nodes.computeIfAbsent(standing, s -> new ArrayList<>()).add(node.name());
            }
        }
        return nodes.entrySet().stream()
                .map(e -> new Kept(
                        e.getKey().state(),
                        e.getKey().reason(),
                        lost.getOrDefault(e.getKey().reason(), List.of()),
                        e.getValue().size(),
                        e.getValue().stream().sorted().limit(MOST_EXAMPLES).toList()))
                .sorted(Comparator.comparing(Kept::state)
                        .thenComparing(Comparator.comparingInt(Kept::nodes).reversed())
                        .thenComparing(Kept::reason))
                .toList();
    }
}
