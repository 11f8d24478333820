package dev.vmabi.cli;

import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.NodeABIStatus.PolicyVerdict;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Report;
import dev.vmabi.fleet.Standing;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "nodes",
        mixinStandardHelpOptions = true,
        description = "Show each arm64 node: what it reported, which policy holds it, and whether VMs may come.")
final class NodesCommand implements Runnable {

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(arity = "0..1", paramLabel = "POLICY", description = "Only the nodes that this policy holds.")
    private String policy;

    /** A node as it is shown. */
    private record Line(Node node, String report, Optional<PolicyVerdict> verdict, String reason) {}

    @Override
    public void run() {
        ClusterAccess.View view = cluster.view();
        Fleet fleet = view.fleet();
        Collection<Node> nodes = policy == null ? fleet.state().nodes() : fleet.pool(view.policy(policy));
        List<Line> lines = nodes.stream()
                .filter(n -> "arm64".equals(n.architecture()))
                .sorted(Comparator.comparing(Node::name))
                .map(n -> line(fleet, n))
                .toList();
        if (!output.text()) {
            output.tree(lines.stream().map(NodesCommand::tree).toList());
            return;
        }
        if (lines.isEmpty()) {
            output.line(policy == null ? "There is no arm64 node." : "The policy holds no node.");
            return;
        }
        List<List<String>> rows = new ArrayList<>();
        List<String> header = new ArrayList<>(List.of("NODE", "POLICY", "VMS MAY COME", "REPORT", "KERNEL", "PROFILE"));
        if (output.wide()) {
            header.addAll(List.of("CPUS", "AGENT", "PROOFS"));
        }
        header.add("REASON");
        rows.add(header);
        lines.forEach(l -> rows.add(row(l)));
        output.table(rows);
    }

    private static Line line(Fleet fleet, Node node) {
        Standing standing = fleet.standing(node.name());
        String report = switch (standing) {
            case Standing.Fresh _ -> "fresh";
            case Standing.Missing _ -> "missing";
            case Standing.Stale _ -> "stale";
            case Standing.Unusable _ -> "unusable";
        };
        Optional<PolicyVerdict> verdict = node.report()
                .map(Report::status)
                .map(NodeABIStatus::policies)
                .flatMap(all -> all.stream().findFirst());
        String reason = verdict.map(v -> String.join("; ", v.reasons()))
                .filter(r -> !r.isEmpty())
                .orElseGet(standing::reason);
        return new Line(node, report, verdict, reason);
    }

    private List<String> row(Line line) {
        Optional<NodeABISpec> report = line.node().report().map(Report::spec);
        List<String> row = new ArrayList<>(List.of(
                line.node().name(),
                line.verdict().map(PolicyVerdict::policy).orElse("-"),
                mayCome(line),
                line.report(),
                line.node().kernelVersion(),
                report.map(NodeABISpec::profile).map(p -> p.substring(0, 16)).orElse("-")));
        if (output.wide()) {
            row.add(report.map(NodesCommand::cpus).orElse("-"));
            row.add(report.map(NodeABISpec::agentVersion).orElse("-"));
            row.add(report.map(r -> r.proofs().stream()
                                    .filter(NodeABISpec.Proof::accepted)
                                    .count()
                            + " of " + r.proofs().size())
                    .orElse("-"));
        }
        row.add(line.reason());
        return row;
    }

    private static String mayCome(Line line) {
        if (line.verdict().isEmpty()) {
            return "no policy";
        }
        return switch (line.verdict().get().state()) {
            case Accepting -> line.node().available() ? "yes" : line.node().ready() ? "cordoned" : "not Ready";
            case Fenced -> "fenced";
            case Waiting -> "waiting";
            case Conflict -> "conflict";
        };
    }

    private static String cpus(NodeABISpec report) {
        return report.cpus().stream().map(c -> c.count() + "x" + c.midr()).collect(Collectors.joining(","));
    }

    private static Map<String, Object> tree(Line line) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("node", line.node().name());
        tree.put("policy", line.verdict().map(PolicyVerdict::policy).orElse(null));
        tree.put("state", line.verdict().map(v -> v.state().name()).orElse(null));
        tree.put("available", line.node().available());
        tree.put("report", line.report());
        tree.put("kernel", line.node().kernelVersion());
        tree.put(
                "profile",
                line.node().report().map(Report::spec).map(NodeABISpec::profile).orElse(null));
        tree.put("guestAbis", new TreeSet<>(line.node().guestAbiLabels()));
        tree.put("reason", line.reason());
        return tree;
    }
}
