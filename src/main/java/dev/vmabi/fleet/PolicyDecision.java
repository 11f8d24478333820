package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Minimum;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.api.VirtualMachineABIStatus.FencedNode;
import dev.vmabi.api.VirtualMachineABIStatus.HoldsDown;
import dev.vmabi.api.VirtualMachineABIStatus.ImposedField;
import dev.vmabi.api.VirtualMachineABIStatus.NodeCounts;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

        List<FenceState> fences = FenceStates.decide(fleet, policy, terms, events);
        List<Fence> raised = Fence.raised(fences);
        Pool before = Pool.of(fleet, policy, terms, pinBefore, raised);
        VmCensus census = VmCensus.take(fleet, policy, terms.vmm(), before);
        BaselineDecision decision = BaselineDecision.decide(new Situation(fleet, policy, terms, before, census, now));
        BaselineDraft baseline = decision.baseline();
        events.addAll(baseline.events());
        Optional<Digest> pin = baseline.pin().map(Pin::digest).map(Digest::parse);
        Pool pool = pin.equals(pinBefore) ? before : Pool.of(fleet, policy, terms, pin, raised);

        Map<Digest, GuestAbi> guestAbis = new LinkedHashMap<>(baseline.guestAbis());
        guestAbis.putAll(census.guestAbis());
        VirtualMachineABIStatus status = new VirtualMachineABIStatus(
                policy.generation(),
                PolicyConditions.of(new Situation(fleet, policy, terms, pool, census, now), decision, events),
                baseline.pin().orElse(null),
                decision.proposal().map(Proposal::candidate).orElse(null),
                baseline.previous().orElse(null),
                decision.lowering().orElse(null),
                baseline.loweredTo().orElse(null),
                counts(pool),
                fencedNodes(pool),
                PoolClasses.of(fleet, terms.vmm(), pool),
                holdsDown(pool, decision.minimum()),
                imposition(fleet, policy, pool, baseline),
                fences,
                census.counts(fleet, terms.vmm(), pool, baseline.pin()),
                census.firstStranded(MOST_VMS).stream().map(Vm::key).toList(),
                census.unknown().first(MOST_VMS).stream().map(Vm::key).toList(),
                baseline.history());
        return new PolicyDecision(status, Map.copyOf(guestAbis), census.stamps(), List.copyOf(events), baseline.next());
    }

    /**
     * The policies of which a change may have something else decided. One that holds no node, and so speaks for no VM that
     * runs, is spared while it and what it could hold stay as they are: hundreds that hold nothing do not keep those
     * waiting that do.
     *
     * @param before null at first
     */
    public static Set<String> concerned(Fleet before, Fleet now) {
        Set<String> all = now.state().policies().stream().map(Policy::name).collect(Collectors.toSet());
        if (before == null
                || !Pools.selectAlike(before.state().policies(), now.state().policies())
                || !before.knowsTheSameAs(now)) {
            return all;
        }
        Set<String> busy = now.pools().inChangedDisputes(before.pools());
        Stream.of(before, now)
                .flatMap(f -> f.index().nodes().all().keySet().stream())
                .forEach(k -> k.holder().ifPresent(busy::add));
        all.removeIf(name -> !busy.contains(name) && before.policy(name).equals(now.policy(name)));
        return all;
    }

    private static List<ImposedField> imposition(Fleet fleet, Policy policy, Pool pool, BaselineDraft baseline) {
        return baseline.pin()
                .flatMap(pin -> Optional.ofNullable(baseline.guestAbis().get(Digest.parse(pin.digest())))
                        .or(() -> fleet.guestAbi(Digest.parse(pin.digest())))
                        .map(abi -> ImposedFields.of(
                                fleet, fleet.vmm(policy), policy.spec().impose(), pool, abi, pin)))
                .orElse(List.of());
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
        return pool.in(NodeState.Fenced).groups().stream()
                .flatMap(g -> g.nodes().keySet().stream()
                        .limit(MOST_FENCED_NODES)
                        .map(node -> new FencedNode(
                                node,
                                g.judgement().reason(),
                                g.judgement().lostFeatures().stream()
                                        .limit(MOST_FEATURES)
                                        .toList())))
                .sorted(Comparator.comparing(FencedNode::name))
                .limit(MOST_FENCED_NODES)
                .toList();
    }

    private static List<HoldsDown> holdsDown(Pool pool, Optional<Minimum> minimum) {
        if (minimum.isEmpty() || !(minimum.get() instanceof Minimum.Common common)) {
            return List.of();
        }
        Map<Digest, Members> byProfile = pool.byProfile();
        return common.holdsDown().stream()
                .limit(MOST_HOLDS_DOWN)
                .map(h -> new HoldsDown(
                        h.profile().hex(),
                        Optional.ofNullable(byProfile.get(h.profile()))
                                .map(Members::size)
                                .orElse(0),
                        h.field().isEmpty() ? h.register().name() : h.register().name() + "." + h.field(),
                        h.valueHeld(),
                        h.valueOtherwise(),
                        h.gainedFeatures().stream().limit(MOST_FEATURES).toList()))
                .toList();
    }
}
