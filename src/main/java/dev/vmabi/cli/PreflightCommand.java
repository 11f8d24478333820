package dev.vmabi.cli;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Preflight;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "preflight",
        mixinStandardHelpOptions = true,
        description = "Say what would become of VMs, nodes and baseline if nodes went to another kernel or profile, or"
                + " back to it.",
        footer = {
            "",
            "Going by guest ABI alone: room on the nodes and what a VM's owner asks of them are not looked at.",
            "Exit code: 0 nothing and nobody is lost, 1 something is, 2 bad input."
        })
final class PreflightCommand implements Callable<Integer> {
    private static final int WHOLE_POOL = 100;

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(paramLabel = "POLICY", description = "The policy whose pool the nodes are of.")
    private String name;

    @ArgGroup(multiplicity = "1")
    private Target target;

    @ArgGroup
    private Who who = new Who();

    /** What the nodes are to become. */
    static final class Target {
        @Option(
                names = "--kernel",
                required = true,
                paramLabel = "RELEASE",
                description = "A kernel that some node with the same CPUs runs already, like 6.18.")
        private String kernel;

        @Option(
                names = "--profile",
                required = true,
                paramLabel = "DIGEST|FILE",
                description = "An ABIProfile of the cluster (at least its first 16 digits), or a host from a file.")
        private String profile;
    }

    /** Which nodes are to go. */
    static final class Who {
        @Option(
                names = "--nodes",
                split = ",",
                required = true,
                paramLabel = "NODE[,NODE...]",
                description = "These nodes (default: the whole pool).")
        private Set<String> nodes;

        @Option(
                names = "--share",
                required = true,
                paramLabel = "PERCENT",
                description = "So many of every hundred nodes, those first that may go.")
        private int share = WHOLE_POOL;
    }

    @Override
    public Integer call() {
        ClusterAccess.View view = cluster.view();
        Policy policy = view.policy(name);
        Preflight answer = Preflight.of(
                view.fleet(), policy, new Preflight.Change(nodes(view, policy), target(view)), Instant.now());
        int exit = answer.clear() ? 0 : VmAbi.REFUSED;
        if (output.text()) {
            text(answer);
        } else {
            output.tree(tree(answer));
        }
        return exit;
    }

    private Preflight.Nodes nodes(ClusterAccess.View view, Policy policy) {
        if (who.nodes == null) {
            return new Preflight.Share(who.share);
        }
        Set<String> held = view.fleet().pool(policy).stream().map(n -> n.name()).collect(Collectors.toSet());
        for (String node : who.nodes) {
            if (!held.contains(node)) {
                throw new InputException("--nodes " + Keys.shown(node) + ": policy " + name + " holds no such node");
            }
        }
        return new Preflight.Named(who.nodes);
    }

    private Preflight.Target target(ClusterAccess.View view) {
        if (target.kernel != null) {
            return new Preflight.ToKernel(target.kernel);
        }
        Path file = Path.of(target.profile);
        if (Files.exists(file)) {
            return new Preflight.ToProfile(HostReader.read(file).profile());
        }
        List<Map.Entry<Digest, HostProfile>> found = view.fleet().state().profiles().entrySet().stream()
                .filter(e -> target.profile.length() >= 16 && e.getKey().hex().startsWith(target.profile))
                .toList();
        if (found.size() != 1) {
            throw new InputException("--profile " + Keys.shown(target.profile)
                    + ": neither a file nor the first 16 or more digits of an ABIProfile in the cluster");
        }
        return new Preflight.ToProfile(found.getFirst().getValue());
    }

    private void text(Preflight answer) {
        output.line(
                answer.clear()
                        ? "@|green clear|@: nothing and nobody is lost"
                        : "@|red not clear|@: read before you go on");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("NODE", "MAY GO", "NOW", "AFTERWARDS", "WHY"));
        for (Preflight.Outcome outcome : answer.nodes()) {
            int turn = answer.order().indexOf(outcome.node());
            String may =
                    turn >= 0 ? "yes, " + (turn + 1) + " of " + answer.order().size() : "no, VMs would be stranded";
            rows.add(List.of(outcome.node(), may, word(outcome.before()), word(outcome.after()), outcome.reason()));
        }
        answer.open()
                .forEach(n -> rows.add(List.of(
                        n,
                        "not known",
                        "",
                        "",
                        "no node with its CPUs runs that kernel yet; boot one and let it report")));
        output.table(rows);
        section(
                "VMs that would be stranded",
                answer.stranded().stream()
                        .map(s -> List.of(s.vm(), "on " + s.node(), String.join("; ", s.reasons())))
                        .toList());
        section(
                "VMs that could then go nowhere else",
                answer.alone().stream().map(List::of).toList());
        section(
                "VMs of which nothing is known",
                answer.unknown().stream().map(List::of).toList());
        Preflight.Baseline baseline = answer.baseline();
        if (!baseline.gains().isEmpty()) {
            output.line("@|bold a raise would then give|@ " + String.join(", ", baseline.gains()));
        }
        if (!baseline.losses().isEmpty()) {
            output.line("@|bold to let in all that are fenced then, the baseline would have to give up|@ "
                    + String.join(", ", baseline.losses()));
        }
        if (!baseline.lowerable()) {
            output.line("@|bold no lower baseline would let in all that are fenced then|@: they have none in common");
        }
        if (!answer.fences().isEmpty()) {
            output.line("@|bold raises the fences|@ " + String.join(", ", answer.fences()));
        }
        output.line("by guest ABI; whether nodes have room for the VMs that leave others was not looked at");
    }

    private void section(String title, List<List<String>> rows) {
        if (!rows.isEmpty()) {
            output.line("@|bold " + title + "|@");
            output.table(rows);
        }
    }

    private static String word(NodeState state) {
        return switch (state) {
            case Accepting -> "accepts";
            case Fenced -> "fenced";
            case Waiting -> "waits";
            case Conflict -> "conflict";
        };
    }

    private static Map<String, Object> tree(Preflight answer) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("clear", answer.clear());
        tree.put("order", answer.order());
        tree.put("blocked", answer.blocked());
        tree.put(
                "nodes",
                answer.nodes().stream()
                        .map(o -> {
                            Map<String, Object> node = new LinkedHashMap<>();
                            node.put("node", o.node());
                            node.put("profile", o.profile().hex());
                            node.put("before", o.before());
                            node.put("after", o.after());
                            node.put("reason", o.reason());
                            node.put("lostFeatures", o.lostFeatures());
                            return node;
                        })
                        .toList());
        tree.put(
                "stranded",
                answer.stranded().stream()
                        .map(s -> {
                            Map<String, Object> vm = new LinkedHashMap<>();
                            vm.put("vm", s.vm());
                            vm.put("node", s.node());
                            vm.put("guestAbi", s.guestAbi().hex());
                            vm.put("reasons", s.reasons());
                            return vm;
                        })
                        .toList());
        tree.put("alone", answer.alone());
        tree.put("unknown", answer.unknown());
        tree.put("baseline", answer.baseline());
        tree.put("fences", answer.fences());
        tree.put("open", answer.open());
        return tree;
    }
}
