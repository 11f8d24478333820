package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.NodeABIStatus.PolicyVerdict;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import io.fabric8.kubernetes.api.model.Condition;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * All that is decided for one node at one moment.
 *
 * @param labels the first 16 digits of each guest ABI for which the node is to carry a label
 * @param profile the first 16 digits of the profile that the node is to be labelled with; empty for none
 * @param status the status of its NodeABI; empty where there is none
 */
public record NodeDecision(
        Set<String> labels, Optional<String> profile, Optional<NodeABIStatus> status, List<FleetEvent> events) {

    /** Decides for the node: a pure function of the fleet and the clock. */
    public static NodeDecision decide(Fleet fleet, Node node, Instant now) {
        Standing standing = fleet.standing(node.name());
        List<FleetEvent> events = new ArrayList<>();
        List<PolicyVerdict> verdicts = new ArrayList<>();
        List<Policy> selecting = fleet.pools().selecting(node.name());
        Optional<Policy> holder = selecting.stream().findFirst();
        Optional<Pool.Judgement> judgement = holder.map(p -> judge(fleet, node, p));
        judgement
                .map(m -> new PolicyVerdict(
                        holder.orElseThrow().name(), m.state(), m.reason().isEmpty() ? List.of() : List.of(m.reason())))
                .ifPresent(verdicts::add);
        selecting.stream()
                .skip(1)
                .limit(7)
                .map(p -> new PolicyVerdict(
                        p.name(),
                        NodeState.Conflict,
                        List.of("the older policy " + holder.orElseThrow().name() + " holds this node")))
                .forEach(verdicts::add);
        Set<String> labels = judgement.map(Pool.Judgement::barred).orElse(false)
                ? Set.of()
                : fleet.earned(standing, holder.map(fleet::vmm).orElse(Vmm.GENERIC));
        Optional<NodeABIStatus> status = node.report().map(report -> {
            List<Condition> before =
                    report.status() == null ? List.of() : report.status().conditions();
            Conditions conditions = new Conditions(before, report.generation(), now);
            describe(conditions, standing, verdicts, events);
            NodeABIStatus answer = new NodeABIStatus(report.generation(), conditions.list(), verdicts);
            return holder.filter(p -> !pinned(p)).isPresent() && sameButForGeneration(report.status(), answer)
                    ? report.status()
                    : answer;
        });
        Optional<String> profile = standing instanceof Standing.Fresh fresh
                        && holder.filter(NodeDecision::pinned).isPresent()
                ? Optional.of(fresh.digest().label())
                : Optional.empty();
        return new NodeDecision(labels, profile, status, List.copyOf(events));
    }

    /** What the policy that holds the node makes of it, by the status that was last written. */
    static Pool.Judgement judge(Fleet fleet, Node node, Policy policy) {
        Optional<Digest> pin = Optional.ofNullable(policy.status())
                .map(VirtualMachineABIStatus::baseline)
                .map(b -> Digest.parse(b.digest()));
        return Pool.judge(
                fleet, fleet.terms(policy), node, fleet.standing(node.name()), pin, Fence.raised(policy.status()));
    }

    private static boolean pinned(Policy policy) {
        return policy.status() != null && policy.status().baseline() != null;
    }

    /** Before the first pin every agent adds a proof or more to its report, and the answer is the same. */
    private static boolean sameButForGeneration(NodeABIStatus before, NodeABIStatus now) {
        return before != null
                && before.policies().equals(now.policies())
                && before.conditions().stream()
                        .map(NodeDecision::said)
                        .toList()
                        .equals(now.conditions().stream()
                                .map(NodeDecision::said)
                                .toList());
    }

    private static String said(Condition condition) {
        return condition.getType() + " " + condition.getStatus() + " " + condition.getReason() + " "
                + condition.getMessage();
    }

    /** The names of the nodes for which another decision may be due than before; {@code before} is null at the start. */
    public static Set<String> concerned(Fleet before, Fleet now) {
        if (before == null || !policiesOf(before).equals(policiesOf(now))) {
            return now.state().nodesByName().keySet();
        }
        Set<String> concerned = new TreeSet<>(
                before.state().nodesByName().differences(now.state().nodesByName()));
        if (!before.knowsTheSameAs(now)) {
            now.index().nodes().all().forEach((kind, nodes) -> {
                PersistentMap<String, Node> were = before.index().nodes().all().get(kind);
                concerned.addAll(
                        were != null
                                        && decidedAlike(
                                                kind, nodes.values().iterator().next(), before, now)
                                ? were.differences(nodes)
                                : nodes.keySet());
            });
        }
        return concerned;
    }

    /** Whether both fleets have the same in store for all nodes of the kind, of which {@code any} is one. */
    private static boolean decidedAlike(NodeKind kind, Node any, Fleet before, Fleet now) {
        if (!(kind instanceof NodeKind.Heard heard)) {
            return false;
        }
        Optional<Policy> holder = heard.holder().flatMap(now::policy);
        Vmm vmm = holder.map(now::vmm).orElse(Vmm.GENERIC);
        return before.earned(heard.fresh(), vmm).equals(now.earned(heard.fresh(), vmm))
                && holder.map(p -> judge(before, any, p)).equals(holder.map(p -> judge(now, any, p)));
    }

    /** What decisions on nodes see of the policies. */
    private static List<?> policiesOf(Fleet fleet) {
        return fleet.pools().oldestFirst().stream()
                .map(p -> Arrays.asList(
                        p.name(),
                        p.created(),
                        p.spec(),
                        p.unknown(),
                        p.status() == null,
                        Optional.ofNullable(p.status()).map(VirtualMachineABIStatus::baseline),
                        Fence.raised(p.status())))
                .toList();
    }

    private static void describe(
            Conditions conditions, Standing standing, List<PolicyVerdict> verdicts, List<FleetEvent> events) {
        switch (standing) {
            case Standing.Fresh fresh -> {
                conditions.set(
                        "Reporting",
                        true,
                        ConditionReason.ReportHolds,
                        "profile " + fresh.digest().label()
                                + (fresh.others().isEmpty()
                                        ? ""
                                        : ", and others on " + fresh.others().size() + " more kinds of CPU"));
                conditions.set(
                        "Fresh", true, ConditionReason.PresentBoot, "the report is from the node's present boot");
            }
            case Standing.Stale stale -> {
                if (conditions.wasTrue("Fresh")) {
                    events.add(new FleetEvent(Reason.NodeReportStale, stale.reason()));
                }
                conditions.set("Reporting", true, ConditionReason.ReportHolds, "the report is of an earlier boot");
                conditions.set("Fresh", false, ConditionReason.EarlierBoot, stale.reason());
            }
            case Standing.Missing missing -> throw new IllegalStateException("there is a report: " + missing.reason());
            case Standing.Unusable unusable -> {
                conditions.set("Reporting", false, ConditionReason.Unusable, unusable.reason());
                conditions.set(
                        "Fresh", true, ConditionReason.PresentBoot, "the report is from the node's present boot");
            }
        }
        if (verdicts.isEmpty()) {
            conditions.set("Compatible", false, ConditionReason.NoPolicy, "no VirtualMachineABI selects this node");
            return;
        }
        PolicyVerdict verdict = verdicts.getFirst();
        String reason = verdict.reasons().isEmpty() ? "" : verdict.reasons().getFirst();
        boolean accepting = verdict.state() == NodeState.Accepting;
        // That nodes accept a first pin the policy's own event tells, once for thousands of them.
        if (accepting
                && (conditions.was("Compatible", ConditionReason.Fenced)
                        || (conditions.was("Compatible", ConditionReason.Waiting)
                                && !conditions.said("Compatible", Pool.NOT_PINNED)))) {
            events.add(new FleetEvent(Reason.NodeAccepted, "Accepts the baseline of policy " + verdict.policy()));
        }
        if (verdict.state() == NodeState.Fenced && !conditions.was("Compatible", ConditionReason.Fenced)) {
            events.add(new FleetEvent(Reason.NodeFenced, "Fenced by policy " + verdict.policy() + ": " + reason));
        }
        conditions.set(
                "Compatible",
                accepting,
                reason(verdict.state()),
                accepting ? "proved the baseline of policy " + verdict.policy() : reason);
    }

    private static ConditionReason reason(NodeState state) {
        return switch (state) {
            case Accepting -> ConditionReason.Accepting;
            case Fenced -> ConditionReason.Fenced;
            case Waiting -> ConditionReason.Waiting;
            case Conflict -> throw new IllegalStateException("the policy that holds a node has no conflict about it");
        };
    }
}
