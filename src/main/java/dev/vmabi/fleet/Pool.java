package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiPredicate;

/** The nodes that one policy holds, each with what the policy makes of it under a given pin. */
final class Pool {

    static final String NOT_PINNED = "no baseline is pinned yet";

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
     * Whether VMs of the pin may come to a node.
     *
     * @param reason why not; empty for one that accepts
     */
    record Judgement(NodeState state, String reason, SortedSet<String> lostFeatures, FencedBy fencedBy) {

        Judgement(NodeState state, String reason) {
            this(state, reason, new TreeSet<>(), FencedBy.NOTHING);
        }

        /** Whether VMs of no guest ABI at all may come. */
        boolean barred() {
            return fencedBy == FencedBy.FENCE;
        }
    }

    private final Members members;

    private Pool(Members members) {
        this.members = members;
    }

    /** The pool under a pin; without one, every node with a fresh report waits and those that lack a must are fenced. */
    static Pool of(Fleet fleet, Policy policy, PolicyTerms terms, Optional<Digest> pin, Collection<Fence> fences) {
        List<Members.Group> groups = new ArrayList<>();
        fleet.index().nodes().all().forEach((kind, nodes) -> {
            if (kind.holder().equals(Optional.of(policy.name()))) {
                Node any = nodes.values().iterator().next();
                groups.add(new Members.Group(
                        kind, nodes, judge(fleet, terms, any, fleet.standing(any.name()), pin, fences)));
            }
        });
        groups.sort(Comparator.comparing(Members.Group::firstName));
        return new Pool(new Members(groups));
    }

    /** What holds for the node, and for all of its {@link NodeKind} but for the reason of those without a fresh report. */
    static Judgement judge(
            Fleet fleet,
            PolicyTerms terms,
            Node node,
            Standing standing,
            Optional<Digest> pin,
            Collection<Fence> fences) {
        if (!(standing instanceof Standing.Fresh fresh)) {
            return new Judgement(NodeState.Waiting, standing.reason());
        }
        for (Fence fence : fences) {
            Optional<String> before = fence.before(node, fresh.profiles(), terms.vmm());
            if (before.isPresent()) {
                String reason = before.get() + " before the raised fence " + fence.name() + ": " + fence.wants();
                return new Judgement(NodeState.Fenced, reason, new TreeSet<>(), FencedBy.FENCE);
            }
        }
        SortedSet<String> missing = new TreeSet<>(terms.require());
        missing.removeIf(f -> fresh.profiles().stream()
                .allMatch(p -> p.defaultGuestAbi().features().contains(f)));
        if (!missing.isEmpty()) {
            return new Judgement(
                    NodeState.Fenced, "lacks required " + String.join(", ", missing), missing, FencedBy.REQUIREMENT);
        }
        if (pin.isEmpty()) {
            return new Judgement(NodeState.Waiting, NOT_PINNED);
        }
        Optional<String> obstacle = fleet.obstacle(fresh, pin.get(), terms.vmm());
        if (obstacle.isEmpty()) {
            return new Judgement(NodeState.Accepting, "");
        }
        boolean tried = fresh.proof(pin.get()).isPresent();
        return new Judgement(
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

    Members members() {
        return members;
    }

    Members in(NodeState state) {
        return members.where(g -> g.judgement().state() == state);
    }

    /** Members that a lesser baseline would let in. */
    Members fencedByBaseline() {
        return members.where(g -> g.judgement().fencedBy() == FencedBy.BASELINE);
    }

    /** Members whose report cannot be relied on now. */
    Members withoutReport() {
        return members.where(g -> g.kind() instanceof NodeKind.Silent);
    }

    /** Members that the pin is made for: all that are not fenced. */
    Members unfenced() {
        return members.where(g -> g.judgement().state() != NodeState.Fenced);
    }

    /** The distinct profiles of members that report and are not fenced: what a first pin is made from. */
    SortedMap<Digest, HostProfile> reportedProfiles() {
        SortedMap<Digest, HostProfile> profiles = new TreeMap<>();
        unfenced().reports().forEach(fresh -> profiles.putAll(fresh.kinds()));
        return profiles;
    }

    /**
     * The distinct profiles of members that honour the pin, or should once they have tried: what a candidate is made
     * from. One that is rebooting counts with what it last reported, so that a candidate does not come and go with it.
     */
    SortedMap<Digest, HostProfile> honouringProfiles(
            Map<Digest, HostProfile> known, BiPredicate<Digest, HostProfile> honours) {
        SortedMap<Digest, HostProfile> profiles = reportedProfiles();
        for (Members.Group group : unfenced().groups()) {
            if (group.kind() instanceof NodeKind.Silent silent) {
                silent.lastReported()
                        .flatMap(text -> known.entrySet().stream()
                                .filter(e -> e.getKey().hex().equals(text))
                                .findFirst())
                        .ifPresent(p -> profiles.put(p.getKey(), p.getValue()));
            }
        }
        profiles.entrySet().removeIf(p -> !honours.test(p.getKey(), p.getValue()));
        return profiles;
    }

    /** The members with each distinct profile, of those with a fresh report. */
    SortedMap<Digest, Members> byProfile() {
        SortedMap<Digest, Members> byProfile = new TreeMap<>();
        for (Members.Group group : members.groups()) {
            group.report()
                    .ifPresent(fresh -> byProfile.merge(fresh.digest(), new Members(List.of(group)), Members::and));
        }
        return byProfile;
    }
}
