package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;

/** The nodes that one policy holds, each with what the policy makes of it under a given pin. */
final class Pool {
    private static final int MOST_NAMES = 5;

    /** What a node is fenced by. */
    enum FencedBy {
        NOTHING,
        /** It is before a raised fence: VMs of no guest ABI at all may come. */
        FENCE,
        /** It lacks a required feature. */
        REQUIREMENT,
        /** It refuses the baseline: a lesser one would let it in. */
        BASELINE
    }

    /**
     * A node and whether VMs of the pin may come.
     *
     * @param reason why not; empty for one that accepts
     */
    record Member(
            Node node,
            Standing standing,
            NodeState state,
            String reason,
            SortedSet<String> lostFeatures,
            FencedBy fencedBy) {

        Member(Node node, Standing standing, NodeState state, String reason) {
            this(node, standing, state, reason, new TreeSet<>(), FencedBy.NOTHING);
        }

        /** Whether VMs of no guest ABI at all may come. */
        boolean barred() {
            return fencedBy == FencedBy.FENCE;
        }
    }

    private final List<Member> members;

    private Pool(List<Member> members) {
        this.members = List.copyOf(members);
    }

    /** The pool under a pin; without one, every node with a fresh report waits and those that lack a must are fenced. */
    static Pool of(Fleet fleet, Policy policy, PolicyTerms terms, Optional<Digest> pin, Collection<Fence> fences) {
        return new Pool(fleet.pool(policy).stream()
                .map(node -> member(fleet, terms, node, pin, fences))
                .toList());
    }

    static Member member(Fleet fleet, PolicyTerms terms, Node node, Optional<Digest> pin, Collection<Fence> fences) {
        Standing standing = fleet.standing(node.name());
        if (!(standing instanceof Standing.Fresh fresh)) {
            return new Member(node, standing, NodeState.Waiting, standing.reason());
        }
        for (Fence fence : fences) {
            Optional<String> before = fence.before(node, fresh.profiles(), terms.vmm());
            if (before.isPresent()) {
                String reason = before.get() + " before the raised fence " + fence.name() + ": " + fence.wants();
                return new Member(node, standing, NodeState.Fenced, reason, new TreeSet<>(), FencedBy.FENCE);
            }
        }
        SortedSet<String> missing = new TreeSet<>(terms.require());
        missing.removeIf(f -> fresh.profiles().stream()
                .allMatch(p -> p.defaultGuestAbi().features().contains(f)));
        if (!missing.isEmpty()) {
            return new Member(
                    node,
                    standing,
                    NodeState.Fenced,
                    "lacks required " + String.join(", ", missing),
                    missing,
                    FencedBy.REQUIREMENT);
        }
        if (pin.isEmpty()) {
            return new Member(node, standing, NodeState.Waiting, "no baseline is pinned yet");
        }
        Optional<String> obstacle = fleet.obstacle(node.name(), pin.get(), terms.vmm());
        if (obstacle.isEmpty()) {
            return new Member(node, standing, NodeState.Accepting, "");
        }
        boolean tried = fresh.proof(pin.get()).isPresent();
        return new Member(
                node,
                standing,
                tried ? NodeState.Fenced : NodeState.Waiting,
                obstacle.get(),
                tried ? lost(fleet, terms.vmm(), fresh, pin.get()) : new TreeSet<>(),
                tried ? FencedBy.BASELINE : FencedBy.NOTHING);
    }

    private static SortedSet<String> lost(Fleet fleet, Vmm vmm, Standing.Fresh fresh, Digest pin) {
        return fleet.guestAbi(pin)
                .flatMap(abi -> fleet.refusal(fresh, abi, vmm))
                .map(refused -> fleet.verdicts().told(refused).lostFeatures())
                .orElseGet(TreeSet::new);
    }

    List<Member> members() {
        return members;
    }

    List<Member> in(NodeState state) {
        return members.stream().filter(m -> m.state() == state).toList();
    }

    /** Members that a lesser baseline would let in. */
    List<Member> fencedByBaseline() {
        return members.stream().filter(m -> m.fencedBy() == FencedBy.BASELINE).toList();
    }

    /** Members whose report cannot be relied on now. */
    List<Member> withoutReport() {
        return members.stream()
                .filter(m -> !(m.standing() instanceof Standing.Fresh))
                .toList();
    }

    /** Members that the pin is made for: all that are not fenced. */
    List<Member> unfenced() {
        return members.stream().filter(m -> m.state() != NodeState.Fenced).toList();
    }

    /** The distinct profiles of members that report and are not fenced: what a first pin is made from. */
    SortedMap<Digest, HostProfile> reportedProfiles() {
        SortedMap<Digest, HostProfile> profiles = new TreeMap<>();
        for (Member member : unfenced()) {
            if (member.standing() instanceof Standing.Fresh fresh) {
                profiles.putAll(fresh.kinds());
            }
        }
        return profiles;
    }

    /**
     * The distinct profiles of members that honour the pin, or should once they have tried: what a candidate is made
     * from. One that is rebooting counts with what it last reported, so that a candidate does not come and go with it.
     */
    SortedMap<Digest, HostProfile> honouringProfiles(
            Map<Digest, HostProfile> known, BiPredicate<Digest, HostProfile> honours) {
        SortedMap<Digest, HostProfile> profiles = new TreeMap<>();
        for (Member member : unfenced()) {
            switch (member.standing()) {
                case Standing.Fresh fresh -> profiles.putAll(fresh.kinds());
                case Standing.Stale _ ->
                    lastReported(member.node(), known).ifPresent(p -> profiles.put(p.getKey(), p.getValue()));
                case Standing.Missing _, Standing.Unusable _ -> {}
            }
        }
        profiles.entrySet().removeIf(p -> !honours.test(p.getKey(), p.getValue()));
        return profiles;
    }

    /** How many members have each distinct profile, of those with a fresh report. */
    SortedMap<Digest, List<Member>> byProfile() {
        SortedMap<Digest, List<Member>> byProfile = new TreeMap<>();
        for (Member member : members) {
            if (member.standing() instanceof Standing.Fresh fresh) {
                byProfile
                        .computeIfAbsent(fresh.digest(), d -> new ArrayList<>())
                        .add(member);
            }
        }
        return byProfile;
    }

    /** The first names, and how many more there are. */
    static String names(List<Member> members) {
        String first =
                members.stream().limit(MOST_NAMES).map(m -> m.node().name()).collect(Collectors.joining(", "));
        return members.size() > MOST_NAMES ? first + " and " + (members.size() - MOST_NAMES) + " more" : first;
    }

    private static Optional<Map.Entry<Digest, HostProfile>> lastReported(Node node, Map<Digest, HostProfile> known) {
        return node.report()
                .map(r -> r.spec().profile())
                .flatMap(text -> known.entrySet().stream()
                        .filter(e -> e.getKey().hex().equals(text))
                        .findFirst());
    }
}
