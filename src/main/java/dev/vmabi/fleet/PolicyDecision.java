package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.api.VirtualMachineABIStatus.FencedNode;
import dev.vmabi.api.VirtualMachineABIStatus.HoldsDown;
import dev.vmabi.api.VirtualMachineABIStatus.HostClass;
import dev.vmabi.api.VirtualMachineABIStatus.ImposedField;
import dev.vmabi.api.VirtualMachineABIStatus.NodeCounts;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.RefusedClass;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.PolicyTerms.FenceTerms;
import dev.vmabi.fleet.Pool.Member;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * All that is decided for one policy at one moment.
 *
 * @param guestAbis guest ABIs that must exist as objects while this decision stands
 * @param stamps VMs whose stamp is to be written, with what their guest has now
 * @param next when time alone may change the decision; {@link Instant#MAX} for never
 */
public record PolicyDecision(
        VirtualMachineABIStatus status,
        Map<Digest, GuestAbi> guestAbis,
        Map<Vm, Digest> stamps,
        List<FleetEvent> events,
        Instant next) {

    private static final int MOST_FENCED_NODES = 20;
    private static final int MOST_CLASSES = 50;
    private static final int MOST_HOLDS_DOWN = 20;
    private static final int MOST_FEATURES = 20;
    private static final int MOST_VMS = 20;

    /** Decides for the policy: a pure function of the fleet and the clock. */
    public static PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
        PolicyTerms terms = fleet.terms(policy);
        List<FleetEvent> events = new ArrayList<>();
        Optional<Digest> pinBefore = Optional.ofNullable(policy.status())
                .map(VirtualMachineABIStatus::baseline)
                .map(b -> Digest.parse(b.digest()));

        List<FenceState> fences = fences(fleet, policy, terms, events);
        List<Fence> raised = Fence.raised(fences);
        Pool before = Pool.of(fleet, policy, terms, pinBefore, raised);
        VmCensus census = VmCensus.take(fleet, policy, terms.vmm(), before);
        BaselineDecision baseline = BaselineDecision.decide(fleet, policy, terms, before, census, now);
        events.addAll(baseline.events());
        Optional<Digest> pin = baseline.pin().map(Pin::digest).map(Digest::parse);
        Pool pool = pin.equals(pinBefore) ? before : Pool.of(fleet, policy, terms, pin, raised);

        Map<Digest, GuestAbi> guestAbis = new LinkedHashMap<>(baseline.guestAbis());
        guestAbis.putAll(census.guestAbis());
        VirtualMachineABIStatus status = new VirtualMachineABIStatus(
                policy.generation(),
                conditions(fleet, policy, terms, pool, baseline, census, events, now),
                baseline.pin().orElse(null),
                baseline.candidate().orElse(null),
                baseline.previous().orElse(null),
                baseline.lowering().orElse(null),
                baseline.loweredTo().orElse(null),
                counts(pool),
                fencedNodes(pool),
                classes(fleet, terms.vmm(), pool),
                holdsDown(pool, baseline.minimum()),
                imposition(fleet, policy, pool, baseline),
                fences,
                census.counts(fleet, terms.vmm(), pool, baseline.pin()),
                census.stranded().stream()
                        .limit(MOST_VMS)
                        .map(k -> k.vm().key())
                        .toList(),
                census.unknown().stream().limit(MOST_VMS).map(Vm::key).toList(),
                baseline.history());
        Map<Vm, Digest> stamps = census.stamps().stream()
                .collect(Collectors.toMap(
                        VmCensus.Stamp::vm, VmCensus.Stamp::guestAbi, (a, b) -> b, LinkedHashMap::new));
        return new PolicyDecision(status, Map.copyOf(guestAbis), stamps, List.copyOf(events), baseline.next());
    }

    private static List<ImposedField> imposition(Fleet fleet, Policy policy, Pool pool, BaselineDecision baseline) {
        return baseline.pin()
                .flatMap(pin -> Optional.ofNullable(baseline.guestAbis().get(Digest.parse(pin.digest())))
                        .or(() -> fleet.guestAbi(Digest.parse(pin.digest())))
                        .map(abi -> ImposedFields.of(
                                fleet, fleet.vmm(policy), policy.spec().impose(), pool, abi, pin)))
                .orElse(List.of());
    }

    private static List<FenceState> fences(Fleet fleet, Policy policy, PolicyTerms terms, List<FleetEvent> events) {
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
        return states;
    }

    private static FenceState where(Fleet fleet, Policy policy, PolicyTerms terms, Fence fence, boolean raised) {
        int total = 0;
        List<String> before = new ArrayList<>();
        for (FleetState.Node node : fleet.pool(policy)) {
            if (fleet.standing(node.name()) instanceof Standing.Fresh fresh) {
                total++;
                if (fence.before(node, fresh.profiles(), terms.vmm()).isPresent()) {
                    before.add(node.name());
                }
            }
        }
        return new FenceState(
                fence.name(),
                total - before.size(),
                total,
                raised,
                before.stream().sorted().limit(MOST_FENCED_NODES).toList());
    }

    private static boolean wasRaised(Policy policy, String fence) {
        return policy.status() != null
                && policy.status().fences().stream().anyMatch(f -> f.fence().equals(fence) && f.raised());
    }

    private static List<io.fabric8.kubernetes.api.model.Condition> conditions(
            Fleet fleet,
            Policy policy,
            PolicyTerms terms,
            Pool pool,
            BaselineDecision baseline,
            VmCensus census,
            List<FleetEvent> events,
            Instant now) {
        Conditions conditions = new Conditions(
                policy.status() == null ? List.of() : policy.status().conditions(), policy.generation(), now);
        boolean pinned = baseline.pin().isPresent();
        ready(conditions, terms, baseline, events);
        conditions.set("BaselinePinned", pinned, baseline.reason(), baseline.message());
        converged(conditions, pool, pinned);
        raiseAvailable(conditions, baseline, pinned, events);
        lowered(conditions, baseline, events);
        degraded(conditions, fleet, policy, pool, baseline, census, events);
        if (!terms.problems().isEmpty()) {
            conditions.set("Stalled", true, ConditionReason.PolicyInvalid, String.join("; ", terms.problems()));
        }
        return conditions.list();
    }

    private static void ready(
            Conditions conditions, PolicyTerms terms, BaselineDecision baseline, List<FleetEvent> events) {
        if (!terms.problems().isEmpty()) {
            String problems = String.join("; ", terms.problems());
            if (!conditions.was("Ready", ConditionReason.PolicyInvalid)) {
                events.add(new FleetEvent(Reason.PolicyInvalid, problems));
            }
            conditions.set("Ready", false, ConditionReason.PolicyInvalid, problems);
        } else if (baseline.pin().isEmpty()) {
            if (baseline.reason() == ConditionReason.NoCommonABI
                    && !conditions.was("Ready", ConditionReason.NoCommonABI)) {
                events.add(new FleetEvent(Reason.NoCommonABI, baseline.message()));
            }
            conditions.set("Ready", false, baseline.reason(), baseline.message());
        } else {
            conditions.set("Ready", true, ConditionReason.Pinned, baseline.message());
        }
    }

    private static void converged(Conditions conditions, Pool pool, boolean pinned) {
        int all = pool.members().size();
        List<Member> fenced = pool.in(NodeState.Fenced);
        List<Member> waiting = pool.in(NodeState.Waiting);
        if (!pinned) {
            conditions.set("Converged", false, ConditionReason.NotPinned, "there is no baseline to converge on");
        } else if (fenced.isEmpty() && waiting.isEmpty()) {
            conditions.set("Converged", true, ConditionReason.AllAccept, "all " + all + " nodes accept the baseline");
        } else {
            String text = (all - fenced.size() - waiting.size()) + " of " + all + " nodes accept the baseline"
                    + (fenced.isEmpty() ? "" : "; fenced: " + BaselineDecision.names(fenced))
                    + (waiting.isEmpty() ? "" : "; waiting: " + BaselineDecision.names(waiting));
            conditions.set(
                    "Converged",
                    false,
                    fenced.isEmpty() ? ConditionReason.NodesWaiting : ConditionReason.NodesFenced,
                    text);
        }
    }

    private static void raiseAvailable(
            Conditions conditions, BaselineDecision baseline, boolean pinned, List<FleetEvent> events) {
        if (pinned && baseline.minimum().orElse(null) instanceof Minimum.None none) {
            conditions.set(
                    "RaiseAvailable",
                    false,
                    ConditionReason.NoCommonABI,
                    "no guest ABI as spec asks for it is common to the nodes that honour the baseline, so it stands"
                            + none.reasons().stream()
                                    .findFirst()
                                    .map(r -> ": " + r.message())
                                    .orElse(""));
            return;
        }
        if (!pinned || baseline.candidate().isEmpty()) {
            conditions.set(
                    "RaiseAvailable",
                    false,
                    ConditionReason.NoCandidate,
                    "the fleet can honour no other baseline than this");
            return;
        }
        VirtualMachineABIStatus.Candidate candidate = baseline.candidate().get();
        boolean proved = candidate.provedAt() != null;
        String label = candidate.digest().substring(0, 16);
        String text = proved
                ? "every node has proved " + label + "; approve it with spec.raise.approve: " + candidate.digest()
                : candidate.proved() + " of " + candidate.needed() + " nodes have proved " + label + baseline.awaited();
        if (proved && !conditions.wasTrue("RaiseAvailable")) {
            events.add(new FleetEvent(
                    Reason.RaiseAvailable,
                    "The fleet can be raised to " + label + ", which gains "
                            + candidate.gains().size() + " and loses "
                            + candidate.losses().size()));
        }
        conditions.set(
                "RaiseAvailable", proved, proved ? ConditionReason.Proved : ConditionReason.WaitingForProof, text);
    }

    private static void lowered(Conditions conditions, BaselineDecision baseline, List<FleetEvent> events) {
        baseline.lowered().ifPresent(l -> {
            if (l.reason() == ConditionReason.WouldStrand && !conditions.was("Lowered", ConditionReason.WouldStrand)) {
                events.add(new FleetEvent(Reason.LoweringRefused, l.message()));
            }
            conditions.set("Lowered", l.holds(), l.reason(), l.message());
        });
    }

    private static void degraded(
            Conditions conditions,
            Fleet fleet,
            Policy policy,
            Pool pool,
            BaselineDecision baseline,
            VmCensus census,
            List<FleetEvent> events) {
        Map<String, String> lost = fleet.pools().lost(policy);
        Map<String, String> contested = fleet.pools().contested(policy);
        if (!lost.isEmpty() || !contested.isEmpty()) {
            Map.Entry<String, String> first =
                    (lost.isEmpty() ? contested : lost).entrySet().iterator().next();
            String text = lost.isEmpty()
                    ? contested.size() + " nodes are selected by " + first.getValue() + " too, first " + first.getKey()
                            + "; this policy is older and keeps them"
                    : lost.size() + " nodes are held by the older policy " + first.getValue() + ", first "
                            + first.getKey() + "; make the node selectors disjoint";
            if (!conditions.was("Degraded", ConditionReason.PolicyConflict)) {
                events.add(new FleetEvent(Reason.PolicyConflict, text));
            }
            conditions.set("Degraded", true, ConditionReason.PolicyConflict, text);
        } else if (baseline.pin().isPresent()
                && fleet.guestAbi(Digest.parse(baseline.pin().get().digest())).isEmpty()
                && !baseline.guestAbis()
                        .containsKey(Digest.parse(baseline.pin().get().digest()))) {
            conditions.set(
                    "Degraded",
                    true,
                    ConditionReason.BaselineMissing,
                    "GuestABI " + baseline.pin().get().label()
                            + " of the baseline does not exist; restore it from a backup");
        } else if (pool.in(NodeState.Accepting).isEmpty() && baseline.pin().isPresent()) {
            conditions.set(
                    "Degraded",
                    true,
                    ConditionReason.NoAcceptingNode,
                    "no node accepts the baseline now; no VM can boot");
        } else if (!census.unknown().isEmpty()) {
            conditions.set(
                    "Degraded",
                    true,
                    ConditionReason.UnknownVMs,
                    census.unknown().size()
                            + " VMs have a guest ABI that is not known, first "
                            + census.unknown().getFirst().key()
                            + "; they stay where they are until they are restarted");
        } else {
            conditions.set("Degraded", false, ConditionReason.AsExpected, "nothing is wrong");
        }
    }

    private static NodeCounts counts(Pool pool) {
        int stale = pool.withoutReport().size();
        return new NodeCounts(
                pool.members().size(),
                pool.members().size() - stale,
                pool.in(NodeState.Accepting).size(),
                pool.in(NodeState.Fenced).size(),
                stale);
    }

    private static List<FencedNode> fencedNodes(Pool pool) {
        return pool.in(NodeState.Fenced).stream()
                .sorted(Comparator.comparing(m -> m.node().name()))
                .limit(MOST_FENCED_NODES)
                .map(m -> new FencedNode(
                        m.node().name(),
                        m.reason(),
                        m.lostFeatures().stream().limit(MOST_FEATURES).toList()))
                .toList();
    }

    private static List<HostClass> classes(Fleet fleet, Vmm vmm, Pool pool) {
        Map<Digest, List<Standing.Fresh>> profiles = new TreeMap<>();
        Map<Digest, List<Member>> members = new TreeMap<>();
        pool.byProfile().forEach((digest, list) -> {
            Standing.Fresh fresh = (Standing.Fresh) list.getFirst().standing();
            Digest shown = fresh.profile().defaultGuestAbi().digest();
            profiles.computeIfAbsent(shown, d -> new ArrayList<>()).add(fresh);
            members.computeIfAbsent(shown, d -> new ArrayList<>()).addAll(list);
        });
        return profiles.entrySet().stream()
                .limit(MOST_CLASSES)
                .map(e -> hostClass(fleet, vmm, e.getKey(), e.getValue(), members.get(e.getKey()), profiles))
                .toList();
    }

    private static HostClass hostClass(
            Fleet fleet,
            Vmm vmm,
            Digest shown,
            List<Standing.Fresh> hosts,
            List<Member> members,
            Map<Digest, List<Standing.Fresh>> all) {
        List<String> accepts = new ArrayList<>();
        List<RefusedClass> refuses = new ArrayList<>();
        all.entrySet().stream()
                .limit(MOST_CLASSES)
                .filter(e -> !e.getKey().equals(shown))
                .forEach(e -> {
                    GuestAbi theirs = e.getValue().getFirst().profile().defaultGuestAbi();
                    hosts.stream()
                            .map(h -> fleet.verdict(h.digest(), h.profile(), theirs, vmm))
                            .filter(Verdict.Refused.class::isInstance)
                            .map(Verdict.Refused.class::cast)
                            .findFirst()
                            .ifPresentOrElse(
                                    refused -> refuses.add(
                                            new RefusedClass(e.getKey().label(), Reasons.first(refused, 1))),
                                    () -> accepts.add(e.getKey().label()));
                });
        Member example = members.getFirst();
        return new HostClass(
                shown.hex(),
                example.node().name() + ", Linux " + example.node().kernelVersion(),
                members.size(),
                accepts,
                refuses);
    }

    private static List<HoldsDown> holdsDown(Pool pool, Optional<Minimum> minimum) {
        if (minimum.isEmpty() || !(minimum.get() instanceof Minimum.Common common)) {
            return List.of();
        }
        Map<Digest, List<Member>> byProfile = pool.byProfile();
        return common.holdsDown().stream()
                .limit(MOST_HOLDS_DOWN)
                .map(h -> new HoldsDown(
                        h.profile().hex(),
                        byProfile.getOrDefault(h.profile(), List.of()).size(),
                        h.field().isEmpty() ? h.register().name() : h.register().name() + "." + h.field(),
                        h.valueHeld(),
                        h.valueOtherwise(),
                        h.gainedFeatures().stream().limit(MOST_FEATURES).toList()))
                .toList();
    }
}
