package dev.vmabi.fleet;

import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Which policy holds which node and speaks for which VM. Where several select the same one the oldest keeps it, by
 * creation time and then by name, so that nothing flaps.
 */
final class Pools {
    private static final Comparator<Policy> OLDEST_FIRST =
            Comparator.comparing(Policy::created).thenComparing(Policy::name);

    private final List<Policy> policies;
    private final Map<String, Policy> byName;

    /** The policies that select each node, by name, the oldest first; without nodes that none selects. */
    private final PersistentMap<String, List<String>> selecting;

    /** Of these, nodes that several select. */
    private final PersistentMap<String, List<String>> disputed;

    private final Map<String, PersistentMap<String, Node>> held;

    private Pools(
            List<Policy> policies,
            PersistentMap<String, List<String>> selecting,
            PersistentMap<String, List<String>> disputed,
            Map<String, PersistentMap<String, Node>> held) {
        this.policies = policies.stream().sorted(OLDEST_FIRST).toList();
        this.byName = policies.stream().collect(Collectors.toMap(Policy::name, Function.identity()));
        this.selecting = selecting;
        this.disputed = disputed;
        this.held = held;
    }

    static Pools ofNoNodes(List<Policy> policies) {
        return new Pools(policies, PersistentMap.empty(), PersistentMap.empty(), Map.of());
    }

    /** Whether the policies select the same nodes and VMs of any cluster. */
    static boolean selectAlike(List<Policy> before, List<Policy> now) {
        record Selection(Object name, Object created, Object nodes, Object workloads) {
            static Selection of(Policy policy) {
                return new Selection(
                        policy.name(),
                        policy.created(),
                        Optional.ofNullable(policy.spec().nodeSelector()),
                        policy.spec().workloads());
            }
        }
        return before.size() == now.size()
                && before.stream()
                        .map(Selection::of)
                        .collect(Collectors.toSet())
                        .equals(now.stream().map(Selection::of).collect(Collectors.toSet()));
    }

    /** Those of a state whose policies select alike, and in which only these nodes are different. */
    Pools next(FleetState now, Set<String> changed) {
        PersistentMap<String, List<String>> select = selecting;
        PersistentMap<String, List<String>> dispute = disputed;
        Map<String, PersistentMap<String, Node>> hold = new HashMap<>(held);
        for (String name : changed) {
            holder(name).ifPresent(p -> hold.computeIfPresent(p.name(), (policy, nodes) -> nodes.without(name)));
            Node node = now.nodesByName().get(name);
            List<String> by = node == null ? List.of() : whoSelects(node);
            select = by.isEmpty() ? select.without(name) : select.with(name, by);
            dispute = by.size() > 1 ? dispute.with(name, by) : dispute.without(name);
            if (!by.isEmpty()) {
                hold.merge(
                        by.getFirst(),
                        PersistentMap.<String, Node>empty().with(name, node),
                        (nodes, one) -> nodes.with(name, node));
            }
        }
        return new Pools(now.policies(), select, dispute, hold);
    }

    private List<String> whoSelects(Node node) {
        return "arm64".equals(node.architecture())
                ? policies.stream()
                        .filter(p -> !Selectors.isEmpty(p.spec().nodeSelector()))
                        .filter(p -> Selectors.matches(p.spec().nodeSelector(), node.labels()))
                        .map(Policy::name)
                        .toList()
                : List.of();
    }

    List<Policy> oldestFirst() {
        return policies;
    }

    Optional<Policy> policy(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** The nodes that the policy holds, by name. */
    Collection<Node> nodes(Policy policy) {
        return Objects.requireNonNullElse(held.get(policy.name()), PersistentMap.<String, Node>empty())
                .values();
    }

    /** The policies that select the node, the one that holds it first. */
    List<Policy> selecting(String node) {
        return Objects.requireNonNullElse(selecting.get(node), List.<String>of()).stream()
                .map(byName::get)
                .toList();
    }

    /** The policy that holds the node. */
    Optional<Policy> holder(String node) {
        return Optional.ofNullable(selecting.get(node)).map(List::getFirst).map(byName::get);
    }

    /** Nodes that the policy selects but an older one holds, with the name of that one. */
    Map<String, String> lost(Policy policy) {
        Map<String, String> lost = new LinkedHashMap<>();
        disputed.forEach((node, by) -> {
            if (by.contains(policy.name()) && !by.getFirst().equals(policy.name())) {
                lost.put(node, by.getFirst());
            }
        });
        return lost;
    }

    /** Nodes that the policy holds although a younger one selects them too, with the name of the younger one. */
    Map<String, String> contested(Policy policy) {
        Map<String, String> contested = new LinkedHashMap<>();
        disputed.forEach((node, by) -> {
            if (by.getFirst().equals(policy.name())) {
                contested.put(node, by.get(1));
            }
        });
        return contested;
    }

    /** The policies that select, or selected, a node that several select, where those are not the same several as before. */
    Set<String> inChangedDisputes(Pools before) {
        Set<String> policies = new TreeSet<>();
        for (String node : before.disputed.differences(disputed)) {
            policies.addAll(before.disputed.getOrDefault(node, List.of()));
            policies.addAll(disputed.getOrDefault(node, List.of()));
        }
        return policies;
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
        return vm.node().isPresent()
                ? holder(vm.node().get())
                        .flatMap(holder -> matching.stream()
                                .filter(p -> p.name().equals(holder.name()))
                                .findFirst())
                : matching.stream().findFirst();
    }
}
