package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Minimum;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABIStatus.Candidate;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.FleetState.Vm;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a policy's conditions say of a decision, and what is told as an event because they did not say it before. */
final class PolicyConditions {
    private final Situation situation;
    private final BaselineDecision decision;
    private final Optional<Pin> pin;
    private final List<FleetEvent> events;
    private final Conditions conditions;

    private PolicyConditions(Situation situation, BaselineDecision decision, List<FleetEvent> events) {
        this.situation = situation;
        this.decision = decision;
        this.pin = decision.baseline().pin();
        this.events = events;
        this.conditions = new Conditions(
                situation.policy().status() == null
                        ? List.of()
                        : situation.policy().status().conditions(),
                situation.policy().generation(),
                situation.now());
    }

    /** The conditions after the decision; adds to the events. The situation is the one under the pin that was decided. */
    static List<Condition> of(Situation situation, BaselineDecision decision, List<FleetEvent> events) {
        PolicyConditions of = new PolicyConditions(situation, decision, events);
        of.ready();
        of.set("BaselinePinned", decision.pinned());
        of.set("Converged", of.converged());
        of.raiseAvailable();
        of.lowered();
        of.degraded();
        if (!situation.terms().problems().isEmpty()) {
            of.set("Stalled", new Finding(true, ConditionReason.PolicyInvalid, of.problems()));
        }
        return of.conditions.list();
    }

    private void set(String type, Finding finding) {
        conditions.set(type, finding.holds(), finding.reason(), finding.message());
    }

    private void tellOnce(String type, Finding finding, Reason event) {
        if (!conditions.was(type, finding.reason())) {
            events.add(new FleetEvent(event, finding.message()));
        }
    }

    private String problems() {
        return String.join("; ", situation.terms().problems());
    }

    private void ready() {
        Finding ready = situation.terms().problems().isEmpty()
                ? decision.pinned()
                : new Finding(false, ConditionReason.PolicyInvalid, problems());
        if (ready.reason() == ConditionReason.PolicyInvalid) {
            tellOnce("Ready", ready, Reason.PolicyInvalid);
        } else if (ready.reason() == ConditionReason.NoCommonABI) {
            tellOnce("Ready", ready, Reason.NoCommonABI);
        }
        set("Ready", ready);
    }

    private Finding converged() {
        int all = situation.pool().members().size();
        Members fenced = situation.pool().in(NodeState.Fenced);
        Members waiting = situation.pool().in(NodeState.Waiting);
        if (pin.isEmpty()) {
            return new Finding(false, ConditionReason.NotPinned, "there is no baseline to converge on");
        }
        if (fenced.isEmpty() && waiting.isEmpty()) {
            return new Finding(true, ConditionReason.AllAccept, "all " + all + " nodes accept the baseline");
        }
        String text = (all - fenced.size() - waiting.size()) + " of " + all + " nodes accept the baseline"
                + (fenced.isEmpty() ? "" : "; fenced: " + fenced.names())
                + (waiting.isEmpty() ? "" : "; waiting: " + waiting.names());
        return new Finding(false, fenced.isEmpty() ? ConditionReason.NodesWaiting : ConditionReason.NodesFenced, text);
    }

    private void raiseAvailable() {
        if (pin.isPresent() && decision.minimum().orElse(null) instanceof Minimum.None none) {
            set(
                    "RaiseAvailable",
                    new Finding(
                            false,
                            ConditionReason.NoCommonABI,
                            "no guest ABI as spec asks for it is common to the nodes that honour the baseline, so it stands"
                                    + none.reasons().stream()
                                            .findFirst()
                                            .map(r -> ": " + r.message())
                                            .orElse("")));
            return;
        }
        if (pin.isEmpty() || decision.proposal().isEmpty()) {
            set(
                    "RaiseAvailable",
                    new Finding(
                            false, ConditionReason.NoCandidate, "the fleet can honour no other baseline than this"));
            return;
        }
        Proposal proposal = decision.proposal().get();
        if (!proposal.proved()) {
            set("RaiseAvailable", new Finding(false, ConditionReason.WaitingForProof, proposal.progress()));
            return;
        }
        Candidate candidate = proposal.candidate();
        String label = candidate.digest().substring(0, 16);
        if (!conditions.wasTrue("RaiseAvailable")) {
            events.add(new FleetEvent(
                    Reason.RaiseAvailable,
                    "The fleet can be raised to " + label + ", which gains "
                            + candidate.gains().size() + " and loses "
                            + candidate.losses().size()));
        }
        set(
                "RaiseAvailable",
                new Finding(
                        true,
                        ConditionReason.Proved,
                        "every node has proved " + label + "; approve it with spec.raise.approve: "
                                + candidate.digest()));
    }

    private void lowered() {
        decision.baseline().lowered().ifPresent(lowered -> {
            if (lowered.reason() == ConditionReason.WouldStrand) {
                tellOnce("Lowered", lowered, Reason.LoweringRefused);
            }
            set("Lowered", lowered);
        });
    }

    private void degraded() {
        Optional<Finding> conflict = conflict();
        conflict.ifPresent(c -> tellOnce("Degraded", c, Reason.PolicyConflict));
        set(
                "Degraded",
                conflict.or(this::baselineMissing)
                        .or(this::noAcceptingNode)
                        .or(this::unknownVms)
                        .orElseGet(() -> new Finding(false, ConditionReason.AsExpected, "nothing is wrong")));
    }

    private Optional<Finding> conflict() {
        Map<String, String> lost = situation.fleet().pools().lost(situation.policy());
        Map<String, String> contested = situation.fleet().pools().contested(situation.policy());
        if (lost.isEmpty() && contested.isEmpty()) {
            return Optional.empty();
        }
        Map.Entry<String, String> first =
                (lost.isEmpty() ? contested : lost).entrySet().iterator().next();
        return wrong(
                ConditionReason.PolicyConflict,
                lost.isEmpty()
                        ? contested.size() + " nodes are selected by " + first.getValue() + " too, first "
                                + first.getKey() + "; this policy is older and keeps them"
                        : lost.size() + " nodes are held by the older policy " + first.getValue() + ", first "
                                + first.getKey() + "; make the node selectors disjoint");
    }

    private Optional<Finding> baselineMissing() {
        return pin.filter(p -> {
                    Digest digest = Digest.parse(p.digest());
                    return situation.fleet().guestAbi(digest).isEmpty()
                            && !decision.baseline().guestAbis().containsKey(digest);
                })
                .flatMap(p -> wrong(
                        ConditionReason.BaselineMissing,
                        "GuestABI " + p.label() + " of the baseline does not exist; restore it from a backup"));
    }

    private Optional<Finding> noAcceptingNode() {
        return pin.isPresent() && situation.pool().in(NodeState.Accepting).isEmpty()
                ? wrong(ConditionReason.NoAcceptingNode, "no node accepts the baseline now; no VM can boot")
                : Optional.empty();
    }

    private Optional<Finding> unknownVms() {
        Union<Vm> unknown = situation.census().unknown();
        return unknown.isEmpty()
                ? Optional.empty()
                : wrong(
                        ConditionReason.UnknownVMs,
                        unknown.size() + " VMs have a guest ABI that is not known, first "
                                + unknown.first(1).getFirst().key()
                                + "; they stay where they are until they are restarted");
    }

    private static Optional<Finding> wrong(ConditionReason reason, String message) {
        return Optional.of(new Finding(true, reason, message));
    }
}
