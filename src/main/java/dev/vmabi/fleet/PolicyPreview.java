package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.Enforcement;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.fleet.FleetState.Policy;
import io.fabric8.kubernetes.api.model.Condition;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a policy would do if it were applied now, in a few lines for the person who applies it. */
public final class PolicyPreview {
    private static final int MOST_PROBLEMS = 4;
    private static final int MOST_NAMES = 3;

    private PolicyPreview() {}

    /** Supposes the policy applied, and asks the product's own decision what it would be. */
    public static List<String> of(Fleet fleet, String name, Stored<VirtualMachineABISpec> asked, Instant now) {
        VirtualMachineABISpec spec = asked.value();
        Optional<Policy> before = fleet.policy(name);
        Policy supposed = new Policy(
                name,
                before.map(Policy::uid).orElse(""),
                before.map(p -> p.generation() + 1).orElse(1L),
                before.map(Policy::created).orElse(now),
                spec,
                asked.unknown(),
                before.map(Policy::status).orElse(null));
        FleetState state = fleet.state();
        Fleet after = new Fleet(
                new FleetState(
                        Stream.concat(
                                        state.policies().stream()
                                                .filter(p -> !p.name().equals(name)),
                                        Stream.of(supposed))
                                .toList(),
                        state.nodes(),
                        state.profiles(),
                        state.guestAbis(),
                        state.vms(),
                        state.namespaces()),
                fleet.verdicts());
        List<String> problems = after.terms(supposed).problems();
        if (!problems.isEmpty()) {
            return problems.stream()
                    .limit(MOST_PROBLEMS)
                    .map(p -> "invalid, and would stand still: " + p)
                    .toList();
        }
        VirtualMachineABIStatus status =
                PolicyDecision.decide(after, supposed, now).status();
        List<String> lines = new ArrayList<>();
        lines.add(nodes(after, supposed, status));
        lines.add(baseline(before.map(Policy::status), status));
        fenced(fleet, before, status).ifPresent(lines::add);
        raised(before.map(Policy::status), status).ifPresent(lines::add);
        condition(status, "Lowered")
                .filter(c -> "False".equals(c.getStatus()))
                .map(c -> "not lowered: " + c.getMessage())
                .ifPresent(lines::add);
        vms(status).ifPresent(lines::add);
        if (spec.enforcement() == Enforcement.Audit) {
            lines.add("enforcement Audit: all of this is decided and reported, and blocks nothing");
        }
        return List.copyOf(lines);
    }

    private static String nodes(Fleet fleet, Policy policy, VirtualMachineABIStatus status) {
        long lost = fleet.pools().lost(policy).size();
        return "holds " + status.nodes().matched() + " arm64 nodes, of which "
                + status.nodes().reporting() + " report and "
                + status.nodes().accepting() + " accept the baseline"
                + (lost == 0
                        ? ""
                        : "; " + lost + " more are held by the older policy "
                                + fleet.pools().lost(policy).values().iterator().next());
    }

    private static String baseline(Optional<VirtualMachineABIStatus> before, VirtualMachineABIStatus status) {
        VirtualMachineABIStatus.Candidate candidate = status.candidate();
        if (status.baseline() == null) {
            return candidate == null
                    ? "would pin nothing yet: "
                            + condition(status, "BaselinePinned")
                                    .map(Condition::getMessage)
                                    .orElse("")
                    : "would pin " + label(candidate.digest()) + " with "
                            + candidate.gains().size() + " features, once " + candidate.needed()
                            + " nodes have proved it";
        }
        boolean changed = before.map(VirtualMachineABIStatus::baseline)
                .filter(b -> b.digest().equals(status.baseline().digest()))
                .isEmpty();
        String pin = (changed ? "would pin " : "stays pinned to ")
                + status.baseline().label();
        Optional<String> none = condition(status, "RaiseAvailable")
                .filter(c -> ConditionReason.NoCommonABI.name().equals(c.getReason()))
                .map(c -> "; " + c.getMessage());
        return candidate == null
                ? pin + none.orElse("")
                : pin + "; candidate " + label(candidate.digest()) + " gains "
                        + candidate.gains().size() + " and loses "
                        + candidate.losses().size()
                        + (candidate.losses().isEmpty()
                                ? ""
                                : ", first " + candidate.losses().getFirst());
    }

    private static Optional<String> fenced(Fleet fleet, Optional<Policy> before, VirtualMachineABIStatus status) {
        List<VirtualMachineABIStatus.FencedNode> fenced = status.fencedNodes();
        if (fenced.isEmpty()) {
            return Optional.empty();
        }
        Set<String> out = before.stream()
                .flatMap(p -> fleet.pool(p).stream()
                        .filter(n -> NodeDecision.judge(fleet, n, p).state() == NodeState.Fenced))
                .map(FleetState.Node::name)
                .collect(Collectors.toSet());
        long more = fenced.stream().filter(f -> !out.contains(f.name())).count();
        return Optional.of("fences " + status.nodes().fenced() + " nodes"
                + (more == 0 ? "" : " (" + more + " of them anew)") + ": "
                + names(fenced.stream()
                        .map(VirtualMachineABIStatus.FencedNode::name)
                        .toList())
                + "; the first " + fenced.getFirst().reason());
    }

    private static Optional<String> raised(Optional<VirtualMachineABIStatus> before, VirtualMachineABIStatus status) {
        Set<String> stood = before.stream()
                .flatMap(s -> s.fences().stream())
                .filter(FenceState::raised)
                .map(FenceState::fence)
                .collect(Collectors.toSet());
        List<String> raised = status.fences().stream()
                .filter(FenceState::raised)
                .map(FenceState::fence)
                .filter(f -> !stood.contains(f))
                .toList();
        return raised.isEmpty() ? Optional.empty() : Optional.of("raises for good: " + String.join(", ", raised));
    }

    private static Optional<String> vms(VirtualMachineABIStatus status) {
        VirtualMachineABIStatus.VmCounts vms = status.virtualMachines();
        if (vms.stranded() == 0 && vms.unknown() == 0) {
            return Optional.empty();
        }
        return Optional.of("of " + vms.total() + " VMs "
                + vms.stranded() + " have no node but their own"
                + (status.strandedVMs().isEmpty() ? "" : " (" + names(status.strandedVMs()) + ")")
                + ", and of " + vms.unknown() + " nobody knows what they have"
                + (status.unknownVMs().isEmpty() ? "" : " (" + names(status.unknownVMs()) + ")"));
    }

    private static Optional<Condition> condition(VirtualMachineABIStatus status, String type) {
        return status.conditions().stream()
                .filter(c -> type.equals(c.getType()))
                .findFirst();
    }

    private static String label(String digest) {
        return Digest.parse(digest).label();
    }

    private static String names(List<String> names) {
        return String.join(", ", names.subList(0, Math.min(MOST_NAMES, names.size())))
                + (names.size() > MOST_NAMES ? ", ..." : "");
    }
}
