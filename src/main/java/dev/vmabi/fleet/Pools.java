package dev.vmabi.fleet;

import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which policy holds which node and speaks for which VM. Where several select the same one the oldest keeps it, by
 * creation time and then by name, so that nothing flaps.
 */
final class Pools {
    private static final Comparator<Policy> OLDEST_FIRST =
            Comparator.comparing(Policy::created).thenComparing(Policy::name);

    private final Map<String, List<Policy>> policiesByNode = new HashMap<>();
    private final Map<String, List<Node>> nodesByPolicy = new LinkedHashMap<>();
    private final List<Policy> policies;

    Pools(FleetState state) {
        policies = state.policies().stream().sorted(OLDEST_FIRST).toList();
        policies.forEach(p -> nodesByPolicy.put(p.name(), new ArrayList<>()));
        for (Node node : state.nodes()) {
            if (!"arm64".equals(node.architecture())) {
                continue;
            }
            List<Policy> selecting = policies.stream()
                    .filter(p -> !Selectors.isEmpty(p.spec().nodeSelector()))
                    .filter(p -> Selectors.matches(p.spec().nodeSelector(), node.labels()))
                    .toList();
            policiesByNode.put(node.name(), selecting);
            if (!selecting.isEmpty()) {
                nodesByPolicy.get(selecting.getFirst().name()).add(node);
            }
        }
    }

    List<Policy> oldestFirst() {
        return policies;
    }

    /** The nodes that the policy holds. */
    List<Node> nodes(Policy policy) {
        return nodesByPolicy.getOrDefault(policy.name(), List.of());
    }

    /** The policies that select the node, the one that holds it first. */
    List<Policy> selecting(Node node) {
        return policiesByNode.getOrDefault(node.name(), List.of());
    }

    /** Nodes that the policy selects but an older one holds, with the name of that one. */
    Map<String, String> lost(Policy policy) {
        Map<String, String> lost = new LinkedHashMap<>();
        policiesByNode.forEach((node, selecting) -> {
            if (selecting.size() > 1
                    && selecting.stream().anyMatch(p -> same(p, policy))
                    && !same(selecting.getFirst(), policy)) {
                lost.put(node, selecting.getFirst().name());
            }
        });
        return lost;
    }

    /** Nodes that the policy holds although a younger one selects them too, with the name of the younger one. */
    Map<String, String> contested(Policy policy) {
        Map<String, String> contested = new LinkedHashMap<>();
        policiesByNode.forEach((node, selecting) -> {
            if (selecting.size() > 1 && same(selecting.getFirst(), policy)) {
                contested.put(node, selecting.get(1).name());
            }
        });
        return contested;
    }

    /** The policies whose workloads match the VM, the oldest first. */
    List<Policy> matching(Vm vm) {
        return policies.stream()
                .filter(p -> Selectors.matches(p.spec().workloads().namespaceSelector(), vm.namespaceLabels()))
                .filter(p -> Selectors.matches(p.spec().workloads().selector(), vm.labels()))
                .toList();
    }

    /**
     * The policy that speaks for a VM: of those whose workloads match, the one that holds the VM's node, or the oldest
     * while the VM has no node.
     */
    Optional<Policy> speakingFor(Vm vm) {
        List<Policy> matching = matching(vm);
        return vm.node()
                .flatMap(node -> matching.stream()
                        .filter(p -> policiesByNode.getOrDefault(node, List.of()).stream()
                                .findFirst()
                                .filter(holder -> same(holder, p))
                                .isPresent())
                        .findFirst())
                .or(() -> vm.node().isPresent()
                        ? Optional.empty()
                        : matching.stream().findFirst());
    }

    private static boolean same(Policy one, Policy other) {
        return one.name().equals(other.name());
    }
}
