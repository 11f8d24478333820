package dev.vmabi.cli;

import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.VirtualMachineABIStatus.HoldsDown;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Report;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "holds-down",
        mixinStandardHelpOptions = true,
        description = "Show which hosts hold a policy's baseline down, in which field, and what guests would gain"
                + " without them.")
final class HoldsDownCommand implements Runnable {
    private static final int MOST_NODES = 5;

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(paramLabel = "POLICY", description = "The policy.")
    private String name;

    @Override
    public void run() {
        ClusterAccess.View view = cluster.view();
        Policy policy = view.policy(name);
        List<HoldsDown> held =
                policy.status() == null ? List.of() : policy.status().holdsDown();
        if (!output.text()) {
            output.tree(held.stream()
                    .map(h -> tree(h, nodes(view.fleet(), policy, h.profile())))
                    .toList());
            return;
        }
        if (held.isEmpty()) {
            output.line("Nothing holds it down: its hosts agree on all they have.");
            return;
        }
        Map<String, List<HoldsDown>> byProfile = held.stream()
                .collect(Collectors.groupingBy(HoldsDown::profile, LinkedHashMap::new, Collectors.toList()));
        byProfile.forEach((profile, fields) -> {
            List<Node> nodes = nodes(view.fleet(), policy, profile);
            output.line("@|bold " + nodes.size() + (nodes.size() == 1 ? " node" : " nodes") + "|@ with profile "
                    + profile.substring(0, 16) + ": " + names(nodes));
            List<List<String>> rows = new ArrayList<>();
            rows.add(List.of("FIELD", "HELD AT", "WITHOUT THEM", "GUESTS WOULD GAIN"));
            fields.forEach(h -> rows.add(List.of(h.field(), h.held(), h.otherwise(), String.join(" ", h.gains()))));
            output.table(rows);
        });
    }

    private static List<Node> nodes(Fleet fleet, Policy policy, String profile) {
        return fleet.pool(policy).stream()
                .filter(n -> n.report()
                        .map(Report::spec)
                        .map(NodeABISpec::profile)
                        .filter(profile::equals)
                        .isPresent())
                .toList();
    }

    private static String names(List<Node> nodes) {
        String first = nodes.stream()
                .limit(MOST_NODES)
                .map(n -> n.name() + " (" + n.kernelVersion() + ")")
                .collect(Collectors.joining(", "));
        return nodes.size() > MOST_NODES ? first + " and " + (nodes.size() - MOST_NODES) + " more" : first;
    }

    private static Map<String, Object> tree(HoldsDown held, List<Node> nodes) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("profile", held.profile());
        tree.put("nodes", nodes.stream().map(Node::name).toList());
        tree.put("field", held.field());
        tree.put("held", held.held());
        tree.put("otherwise", held.otherwise());
        tree.put("gains", held.gains());
        return tree;
    }
}
