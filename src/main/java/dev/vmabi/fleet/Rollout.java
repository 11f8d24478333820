package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABISpec.OneWayMoves;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.Preflight.Stranded;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Plays nodes going to other kernels one after the other: a node is emptied, each of its VMs landing on another node,
 * and comes back. Whoever has no VM that is held goes; the others wait until the nodes that went make room for them, or
 * for good.
 */
final class Rollout {
    private static final int MOST_REASONS = 3;

    /** A VM as it is at this moment of the play. */
    private record Guest(Vm vm, GuestAbi has) {}

    /** Nodes that are alike to every guest. */
    private record Kind(Phase phase, Digest digest) {}

    /** Whom to ask first for room: where a VM lands that is to go itself, it has to move again. */
    private enum Phase {
        STAYS,
        WENT,
        TO_GO
    }

    private final Fleet fleet;
    private final Policy policy;
    private final Vmm vmm;
    private final SortedMap<String, Supposition.Host> targets;
    private final SortedMap<Kind, SequencedSet<String>> nodes =
            new TreeMap<>(Comparator.comparing(Kind::phase).thenComparing(Kind::digest));
    private final Map<Digest, HostProfile> profiles = new HashMap<>();
    private final Map<String, List<Guest>> guests = new LinkedHashMap<>();
    private final List<String> order = new ArrayList<>();
    private final List<String> unknown = new ArrayList<>();
    private final List<String> alone = new ArrayList<>();
    private final List<Stranded> stranded = new ArrayList<>();
    private final SequencedSet<String> waiting;

    private Rollout(Fleet fleet, Policy policy, SortedMap<String, Supposition.Host> targets) {
        this.fleet = fleet;
        this.policy = policy;
        this.vmm = fleet.vmm(policy);
        this.targets = targets;
        this.waiting = new LinkedHashSet<>(targets.keySet());
        targets.values().forEach(h -> profiles.put(h.digest(), h.profile()));
    }

    static Rollout of(Fleet fleet, Policy policy, SortedMap<String, Supposition.Host> targets) {
        Rollout rollout = new Rollout(fleet, policy, new TreeMap<>(targets));
        rollout.place();
        Set<String> aloneBefore = rollout.withoutAnother();
        rollout.play();
        Set<String> left = rollout.withoutAnother();
        left.removeAll(aloneBefore);
        rollout.stranded.forEach(s -> left.remove(s.vm()));
        rollout.alone.addAll(left);
        return rollout;
    }

    List<String> order() {
        return List.copyOf(order);
    }

    List<String> blocked() {
        return List.copyOf(waiting);
    }

    List<Stranded> stranded() {
        return List.copyOf(stranded);
    }

    List<String> alone() {
        return List.copyOf(alone);
    }

    List<String> unknown() {
        return List.copyOf(unknown);
    }

    private void place() {
        for (Node node : fleet.state().nodes()) {
            if (fleet.standing(node.name()) instanceof Standing.Fresh fresh
                    && "arm64".equals(node.architecture())
                    && !WaysOut.barred(fleet, node, fresh)) {
                profiles.put(fresh.digest(), fresh.profile());
                Phase phase = targets.containsKey(node.name()) ? Phase.TO_GO : Phase.STAYS;
                add(new Kind(phase, fresh.digest()), node.name());
            }
        }
        for (Vm vm : fleet.state().vms()) {
            if (vm.node().isPresent()
                    && fleet.policyFor(vm)
                            .filter(p -> p.name().equals(policy.name()))
                            .isPresent()) {
                VmCensus.has(fleet, vm, vmm)
                        .ifPresentOrElse(
                                has -> guests.computeIfAbsent(vm.node().get(), n -> new ArrayList<>())
                                        .add(new Guest(vm, has)),
                                () -> unknown.add(vm.key()));
            }
        }
    }

    private void add(Kind kind, String node) {
        nodes.computeIfAbsent(kind, k -> new LinkedHashSet<>()).add(node);
    }

    private void play() {
        boolean goesOn = true;
        while (goesOn && !waiting.isEmpty()) {
            goesOn = false;
            for (String node : List.copyOf(waiting)) {
                Optional<Map<Guest, String>> moves = moves(node);
                if (moves.isPresent()) {
                    goTo(node, moves.get());
                    goesOn = true;
                }
            }
        }
        waiting.forEach(n -> guests.getOrDefault(n, List.of()).stream()
                .filter(g -> destination(g, n).isEmpty())
                .forEach(g -> stranded.add(new Stranded(g.vm().key(), n, g.has().digest(), reasons(g)))));
    }

    /** Where each VM of the node goes; empty if one of them can go nowhere. */
    private Optional<Map<Guest, String>> moves(String node) {
        Map<Guest, String> moves = new LinkedHashMap<>();
        for (Guest guest : guests.getOrDefault(node, List.of())) {
            Optional<String> to = destination(guest, node);
            if (to.isEmpty()) {
                return Optional.empty();
            }
            moves.put(guest, to.get());
        }
        return Optional.of(moves);
    }

    private void goTo(String node, Map<Guest, String> moves) {
        guests.remove(node);
        moves.forEach((guest, to) -> guests.computeIfAbsent(to, n -> new ArrayList<>())
                .add(new Guest(guest.vm(), landing(guest, digest(to).orElseThrow()))));
        nodes.values().forEach(s -> s.remove(node));
        if (mayComeBack(node)) {
            add(new Kind(Phase.WENT, targets.get(node).digest()), node);
        }
        waiting.remove(node);
        order.add(node);
    }

    /** Whether it takes VMs as what it has become: it is not before a raised fence. */
    private boolean mayComeBack(String node) {
        return Fence.raised(policy.status()).stream()
                .allMatch(f -> f.before(
                                fleet.node(node).orElseThrow(),
                                List.of(targets.get(node).profile()),
                                vmm)
                        .isEmpty());
    }

    private Optional<Digest> digest(String node) {
        return nodes.entrySet().stream()
                .filter(e -> e.getValue().contains(node))
                .map(e -> e.getKey().digest())
                .findFirst();
    }

    /** A node that takes the VM; one where it stays what it is, if there is any. */
    private Optional<String> destination(Guest guest, String from) {
        Optional<String> changing = Optional.empty();
        for (Map.Entry<Kind, SequencedSet<String>> entry : nodes.entrySet()) {
            Digest digest = entry.getKey().digest();
            if (!takes(guest, digest)) {
                continue;
            }
            // Those that go last are asked first, so that a VM has to move again as seldom as can be.
            Optional<String> node = entry.getValue().reversed().stream()
                    .filter(n -> !n.equals(from))
                    .filter(n -> entry.getKey().phase() == Phase.WENT || !refused(n, guest))
                    .findFirst();
            if (node.isPresent()
                    && landing(guest, digest).digest().equals(guest.has().digest())) {
                return node;
            }
            if (node.isPresent() && changing.isEmpty() && mayChange(guest, digest, from)) {
                changing = node;
            }
        }
        return changing;
    }

    private boolean takes(Guest guest, Digest host) {
        return verdict(guest, host).accepted();
    }

    private Verdict verdict(Guest guest, Digest host) {
        return fleet.verdicts()
                .accepts(host, profiles.get(host), guest.has(), vmm, guest.vm().clamp());
    }

    private GuestAbi landing(Guest guest, Digest host) {
        return fleet.verdicts()
                .landing(host, profiles.get(host), guest.has(), vmm, guest.vm().clamp());
    }

    /** Whether its kernel has tried it and said no, whatever was computed, or some of its CPUs refuse it. */
    private boolean refused(String node, Guest guest) {
        return fleet.standing(node) instanceof Standing.Fresh fresh
                && (fresh.proof(guest.has().digest()).filter(p -> !p.accepted()).isPresent()
                        || (!fresh.others().isEmpty()
                                && fleet.refusal(fresh, guest.has(), vmm).isPresent()));
    }

    /** Whether the policy lets a VM make a move that the host it leaves would not take back. */
    private boolean mayChange(Guest guest, Digest to, String from) {
        return policy.spec().oneWayMoves() == OneWayMoves.Allow
                || digest(from)
                        .map(left -> fleet.verdicts()
                                .accepts(
                                        left,
                                        profiles.get(left),
                                        landing(guest, to),
                                        vmm,
                                        guest.vm().clamp())
                                .accepted())
                        .orElse(true);
    }

    /** VMs that have no node but the one they are on. */
    private Set<String> withoutAnother() {
        Set<String> vms = new TreeSet<>();
        guests.forEach((node, list) ->
                list.stream().filter(g -> destination(g, node).isEmpty()).forEach(g -> vms.add(g.vm().key())));
        return vms;
    }

    private List<String> reasons(Guest guest) {
        List<String> reasons = new ArrayList<>();
        nodes.forEach((kind, names) -> {
            if (reasons.size() < MOST_REASONS
                    && !names.isEmpty()
                    && verdict(guest, kind.digest()) instanceof Verdict.Refused refused) {
                reasons.add(
                        names.size() + " nodes of profile " + kind.digest().label() + ": " + Reasons.first(refused, 1));
            }
        });
        if (reasons.isEmpty()) {
            reasons.add(
                    nodes.values().stream().mapToInt(Set::size).sum() > 1
                            ? "every move would be one-way, which policy " + policy.name() + " denies"
                            : "there is no other node");
        }
        return List.copyOf(reasons);
    }
}
