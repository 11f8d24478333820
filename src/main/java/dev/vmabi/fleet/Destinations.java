package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABISpec.OneWayMoves;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Where a running VM could go at this moment, and what keeps it from the other nodes. A node takes it that is Ready and
 * not cordoned, has proved the guest ABI since its last boot, and carries the label that says so: the scheduler obeys
 * the label alone.
 */
public final class Destinations {

    /** Why a node does not take the VM, in one line. */
    public record Barrier(String node, String reason) {}

    private final Fleet fleet;
    private final Policy policy;
    private final Digest guestAbi;
    private final Optional<String> from;
    private final Map<String, String> nodeSelector;
    private final Vmm vmm;

    /**
     * @param guestAbi what the guest has
     * @param from where it runs; empty where that is not in this cluster
     * @param nodeSelector what its pod asks of a node beside the guest ABI
     */
    public Destinations(
            Fleet fleet, Policy policy, Digest guestAbi, Optional<String> from, Map<String, String> nodeSelector) {
        this.fleet = fleet;
        this.policy = policy;
        this.guestAbi = guestAbi;
        this.from = from;
        this.nodeSelector = Map.copyOf(nodeSelector);
        this.vmm = fleet.vmm(policy);
    }

    /** Of a VM that runs here; what a migration adds to the node selector lies under what the VM itself asks for. */
    public static Destinations of(
            Fleet fleet, Policy policy, Vm vm, Digest guestAbi, Map<String, String> addedNodeSelector) {
        Map<String, String> selector = new HashMap<>(addedNodeSelector);
        selector.putAll(vm.nodeSelector());
        return new Destinations(fleet, policy, guestAbi, vm.node(), selector);
    }

    /** The names of the nodes that take the VM now. */
    public SortedSet<String> nodes() {
        return candidates().filter(this::takes).map(Node::name).collect(Collectors.toCollection(TreeSet::new));
    }

    /** Whether some other node takes the VM now. */
    public boolean any() {
        return candidates().anyMatch(this::takes);
    }

    /** Whether there is any other node that meets the node selector at all. */
    public boolean anyCandidate() {
        return candidates().findAny().isPresent();
    }

    /**
     * The first 16 digits of the profiles of the nodes that take the VM, where the policy bars one-way moves; a node may
     * take its guest ABI and still be barred so. Empty where the policy does not.
     */
    public SortedSet<String> profilesWithWayBack() {
        return policy.spec().oneWayMoves() == OneWayMoves.Allow
                ? Collections.emptySortedSet()
                : candidates()
                        .filter(this::takes)
                        .flatMap(n -> n.profileLabel().stream())
                        .collect(Collectors.toCollection(TreeSet::new));
    }

    /**
     * What keeps the VM from every candidate, by node name; first the policy's own pool, and in it the nodes whose
     * report speaks for them.
     */
    public List<Barrier> barriers() {
        record Ranked(boolean elsewhere, boolean unheard, Barrier barrier) {}
        Map<Evidence, Optional<String>> told = new HashMap<>();
        return candidates()
                .filter(n -> !takes(n))
                .map(n -> new Ranked(
                        !ofPool(n),
                        !(fleet.standing(n.name()) instanceof Standing.Fresh),
                        new Barrier(n.name(), reason(n, told))))
                .sorted(Comparator.comparing(Ranked::elsewhere)
                        .thenComparing(Ranked::unheard)
                        .thenComparing(r -> r.barrier().node()))
                .map(Ranked::barrier)
                .toList();
    }

    /** What {@link Fleet#obstacle} goes by; thousands of nodes share a few. */
    private record Evidence(Digest profile, Optional<Proof> proof) {}

    private boolean ofPool(Node node) {
        return fleet.pools()
                .holder(node.name())
                .filter(holder -> holder.name().equals(policy.name()))
                .isPresent();
    }

    private Stream<Node> candidates() {
        return fleet.state().nodes().stream()
                .filter(n -> "arm64".equals(n.architecture()))
                .filter(n -> from.isEmpty() || !from.get().equals(n.name()))
                .filter(n -> Selectors.has(n.labels(), nodeSelector));
    }

    private boolean takes(Node node) {
        return node.available()
                && node.guestAbiLabels().contains(guestAbi.label())
                && fleet.obstacle(node.name(), guestAbi, vmm).isEmpty()
                && wayBackBarred(node).isEmpty();
    }

    private String reason(Node node, Map<Evidence, Optional<String>> told) {
        if (!node.ready()) {
            return "is not Ready";
        }
        if (!node.schedulable()) {
            return "is cordoned";
        }
        // Said without names and boot ids, so that nodes of one kind can be told together.
        Optional<String> obstacle = switch (fleet.standing(node.name())) {
            case Standing.Fresh fresh ->
                told.computeIfAbsent(
                        new Evidence(fresh.digest(), fresh.proof(guestAbi)),
                        e -> fleet.obstacle(node.name(), guestAbi, vmm));
            case Standing.Missing _ -> Optional.of("its agent has not reported");
            case Standing.Stale _ -> Optional.of("its report is from before its last boot");
            case Standing.Unusable unusable -> Optional.of(unusable.reason());
        };
        if (obstacle.isPresent()) {
            return obstacle.get();
        }
        if (!node.guestAbiLabels().contains(guestAbi.label())) {
            return fenced(node).orElse("has proved it, but carries no label for it yet");
        }
        return wayBackBarred(node).orElseThrow();
    }

    private static Optional<String> fenced(Node node) {
        return node.report()
                .map(FleetState.Report::status)
                .flatMap(status -> status.policies().stream()
                        .filter(v -> v.state() == NodeState.Fenced)
                        .findFirst())
                .map(v -> "is fenced by policy " + v.policy() + ": " + String.join("; ", v.reasons()));
    }

    /** Why the host it leaves would refuse it after this move, if the policy bars such moves. */
    private Optional<String> wayBackBarred(Node node) {
        return policy.spec().oneWayMoves() == OneWayMoves.Allow
                ? Optional.empty()
                : from.flatMap(left -> wayBackClosed(fleet, vmm, guestAbi, left, node.name()))
                        .map(why -> "would be a one-way move, which policy " + policy.name() + " denies: " + why);
    }

    /** Why the host {@code left} would refuse what a guest has after landing on {@code to}; empty if it would not. */
    static Optional<String> wayBackClosed(Fleet fleet, Vmm vmm, Digest guestAbi, String left, String to) {
        Optional<GuestAbi> abi = fleet.guestAbi(guestAbi);
        if (abi.isEmpty()
                || !(fleet.standing(to) instanceof Standing.Fresh there)
                || !(fleet.standing(left) instanceof Standing.Fresh here)
                || fleet.refusal(there, abi.get(), vmm).isPresent()) {
            return Optional.empty();
        }
        GuestAbi landing = fleet.landing(there.digest(), there.profile(), abi.get(), vmm);
        return fleet.refusal(here, landing, vmm).map(refused -> Reasons.first(refused, 1));
    }
}
