package dev.vmabi.cli;

import dev.vmabi.api.VirtualMachineABISpec.Enforcement;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Candidate;
import dev.vmabi.api.VirtualMachineABIStatus.NodeCounts;
import dev.vmabi.api.VirtualMachineABIStatus.VmCounts;
import dev.vmabi.fleet.FleetState.Policy;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "status",
        mixinStandardHelpOptions = true,
        description = "Show where the policies stand: the pin, its nodes and VMs, and what it could become.")
final class StatusCommand implements Runnable {

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(arity = "0..1", paramLabel = "POLICY", description = "Only this one, with its conditions and reasons.")
    private String name;

    @Override
    public void run() {
        ClusterAccess.View view = cluster.view();
        if (name != null) {
            one(view.policy(name));
            return;
        }
        List<Policy> policies = view.fleet().state().policies().stream()
                .sorted(Comparator.comparing(Policy::name))
                .toList();
        if (!output.text()) {
            output.tree(policies.stream().map(StatusCommand::tree).toList());
            return;
        }
        if (policies.isEmpty()) {
            output.line("There is no VirtualMachineABI yet; kubectl apply one to pin a pool.");
            return;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(header());
        policies.forEach(p -> rows.add(row(p)));
        output.table(rows);
    }

    private List<String> header() {
        List<String> header = new ArrayList<>(List.of(
                "POLICY",
                "BASELINE",
                "GEN",
                "NODES",
                "ACCEPTING",
                "FENCED",
                "STALE",
                "VMS",
                "PENDING",
                "ISLANDED",
                "UNKNOWN",
                "READY"));
        if (output.wide()) {
            header.addAll(List.of("CLAMP", "CANDIDATE", "ENFORCEMENT"));
        }
        return header;
    }

    private List<String> row(Policy policy) {
        VirtualMachineABIStatus status = policy.status();
        Optional<VirtualMachineABIStatus> known = Optional.ofNullable(status);
        NodeCounts nodes = known.map(VirtualMachineABIStatus::nodes).orElseGet(() -> new NodeCounts(0, 0, 0, 0, 0));
        VmCounts vms =
                known.map(VirtualMachineABIStatus::virtualMachines).orElseGet(() -> new VmCounts(0, 0, 0, 0, 0, 0));
        Optional<VirtualMachineABIStatus.Pin> pin = known.map(VirtualMachineABIStatus::baseline);
        List<String> row = new ArrayList<>(List.of(
                policy.name(),
                pin.map(VirtualMachineABIStatus.Pin::label).orElse("-"),
                pin.map(p -> Long.toString(p.generation())).orElse("-"),
                Integer.toString(nodes.matched()),
                Integer.toString(nodes.accepting()),
                Integer.toString(nodes.fenced()),
                Integer.toString(nodes.stale()),
                Integer.toString(vms.total()),
                Integer.toString(vms.pendingRestart()),
                Integer.toString(vms.islanded()),
                Integer.toString(vms.unknown()),
                ready(policy)));
        if (output.wide()) {
            row.add(pin.map(VirtualMachineABIStatus.Pin::clamp)
                    .filter(c -> !c.isEmpty())
                    .orElse("-"));
            row.add(known.map(VirtualMachineABIStatus::candidate)
                    .map(c -> c.digest().substring(0, 16))
                    .orElse("-"));
            row.add(Objects.requireNonNullElse(policy.spec().enforcement(), Enforcement.Enforce)
                    .name());
        }
        return row;
    }

    private static String ready(Policy policy) {
        if (policy.status() == null || !Objects.equals(policy.status().observedGeneration(), policy.generation())) {
            return "not looked at yet";
        }
        return policy.status().conditions().stream()
                .filter(c -> "Ready".equals(c.getType()))
                .findFirst()
                .map(c -> "True".equals(c.getStatus()) ? "yes" : "no: " + c.getReason())
                .orElse("-");
    }

    private void one(Policy policy) {
        if (!output.text()) {
            output.tree(tree(policy));
            return;
        }
        output.table(List.of(header(), row(policy)));
        VirtualMachineABIStatus status = policy.status();
        if (status == null) {
            return;
        }
        if (status.baseline() != null) {
            String clamp = status.baseline().clamp();
            output.line("@|bold baseline|@ " + status.baseline().digest() + " since "
                    + status.baseline().pinnedAt()
                    + (clamp == null || clamp.isEmpty() ? "" : ", which the VMM clamps with " + clamp));
        }
        if (status.candidate() != null) {
            candidate(policy.name(), status.candidate());
        }
        if (status.previous() != null) {
            output.line("@|bold way back|@ to " + status.previous().digest() + " until "
                    + status.previous().finalisedAt());
        }
        output.line("@|bold conditions|@");
        List<List<String>> rows = new ArrayList<>();
        for (Condition condition : status.conditions()) {
            rows.add(
                    List.of(condition.getType(), condition.getStatus(), condition.getReason(), condition.getMessage()));
        }
        output.table(rows);
        section(
                "fences",
                status.fences().stream()
                        .map(f -> List.of(
                                f.fence(),
                                f.crossed() + " of " + f.total() + " nodes past it",
                                f.raised() ? "raised" : "open"))
                        .toList());
        section(
                "fenced nodes",
                status.fencedNodes().stream()
                        .map(f -> List.of(f.name(), f.reason()))
                        .toList());
    }

    private void candidate(String policy, Candidate candidate) {
        output.line("@|bold candidate|@ " + candidate.digest() + ", proved by " + candidate.proved() + " of "
                + candidate.needed() + " nodes"
                + (candidate.soakEndsAt() == null ? "" : ", soak ends " + candidate.soakEndsAt()));
        if (!candidate.gains().isEmpty()) {
            output.line("  gains: " + String.join(", ", candidate.gains()));
        }
        if (!candidate.losses().isEmpty()) {
            output.line("  loses: " + String.join(", ", candidate.losses()));
        }
        output.line("  kubectl vmabi raise " + policy + " --approve " + candidate.digest());
    }

    private void section(String title, List<List<String>> rows) {
        if (!rows.isEmpty()) {
            output.line("@|bold " + title + "|@");
            output.table(rows);
        }
    }

    private static Map<String, Object> tree(Policy policy) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("policy", policy.name());
        tree.put("generation", policy.generation());
        tree.put("spec", policy.spec());
        tree.put("status", policy.status());
        return tree;
    }
}
