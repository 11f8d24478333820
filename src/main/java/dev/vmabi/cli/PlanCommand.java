package dev.vmabi.cli;

import dev.vmabi.abi.Classes;
import dev.vmabi.abi.Edge;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.HoldsDown;
import dev.vmabi.abi.HostClass;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.GuestABISpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        description = "Show the minimum of a set of hosts, their classes, who accepts whom, and who holds it down.")
final class PlanCommand implements Callable<Integer> {

    private static final int MOST_REASONS = 12;

    @Mixin
    private Output output;

    @Mixin
    private VmmOption vmm;

    @Option(
            names = "--exclude",
            split = ",",
            paramLabel = "FEATURE",
            description = "Features and hypercalls that nobody is to get.")
    private Set<String> exclude = Set.of();

    @Parameters(arity = "1..*", paramLabel = "DIR|FILE", description = "The hosts.")
    private List<Path> paths;

    @Override
    public Integer call() {
        Vmm monitor = vmm.get();
        Exclusions exclusions = new Exclusions(exclude);
        List<Host> hosts = HostReader.readAll(paths);
        Map<String, String> names = names(hosts);
        List<HostProfile> profiles = hosts.stream().map(Host::profile).toList();
        Minimum minimum = Minimum.of(profiles, monitor, exclusions);
        Classes classes = Classes.of(profiles, monitor);
        if (output.text()) {
            text(hosts.size(), monitor, minimum, classes, names);
        } else {
            output.tree(tree(hosts.size(), monitor, minimum, classes, names));
        }
        return minimum instanceof Minimum.Common ? 0 : VmAbi.REFUSED;
    }

    /** Hosts by the digest of their profile; several share one. */
    static Map<String, String> names(List<Host> hosts) {
        Map<String, String> names = new LinkedHashMap<>();
        for (Host host : hosts) {
            names.merge(host.profile().digest().hex(), host.name(), (a, b) -> a + ", " + b);
        }
        return names;
    }

    private void text(int hosts, Vmm monitor, Minimum minimum, Classes classes, Map<String, String> names) {
        output.line("@|bold " + hosts + (hosts == 1 ? " host, " : " hosts, ") + profiles(names.size()) + ", "
                + classes.classes().size() + (classes.classes().size() == 1 ? " class" : " classes")
                + "|@ under " + monitor);
        switch (minimum) {
            case Minimum.Common common -> {
                String clamp = common.clamp().isNone() ? "" : ", which the VMM clamps with " + common.clamp();
                output.line("@|green minimum|@ " + common.abi().digest().hex() + clamp);
                output.line("  features: " + String.join(" ", common.abi().features()));
                if (!common.holdsDown().isEmpty()) {
                    output.line("@|bold held down by|@");
                    output.table(held(common.holdsDown(), names));
                }
            }
            case Minimum.None none -> {
                output.line("@|red no minimum|@: no guest ABI is accepted by all of them");
                List<Refusal> reasons = none.reasons();
                reasons.stream().limit(MOST_REASONS).forEach(reason -> output.line("  " + reason.message()));
                if (reasons.size() > MOST_REASONS) {
                    output.line("  and " + (reasons.size() - MOST_REASONS) + " more (-o json shows all)");
                }
            }
        }
        output.line("@|bold classes|@");
        List<List<String>> rows = new ArrayList<>();
        for (HostClass hostClass : classes.classes()) {
            rows.add(List.of(
                    hostClass.guestAbi().label(),
                    profiles(hostClass.profiles().size()),
                    String.join(
                            ", ",
                            hostClass.profiles().stream()
                                    .map(digest -> names.get(digest.hex()))
                                    .toList())));
        }
        output.table(rows);
        output.line("@|bold who accepts whom|@");
        output.table(edges(classes.edges()));
    }

    private static String profiles(int count) {
        return count == 1 ? "1 profile" : count + " profiles";
    }

    private static List<List<String>> held(List<HoldsDown> holders, Map<String, String> names) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("HOST", "FIELD", "HELD AT", "OTHERWISE", "GAIN"));
        for (HoldsDown held : holders) {
            String field = held.register().name() + (held.field().isEmpty() ? "" : "." + held.field());
            rows.add(List.of(
                    names.get(held.profile().hex()),
                    field,
                    held.valueHeld(),
                    held.valueOtherwise(),
                    String.join(" ", held.gainedFeatures())));
        }
        return rows;
    }

    private static List<List<String>> edges(List<Edge> edges) {
        List<List<String>> rows = new ArrayList<>();
        for (Edge edge : edges) {
            String verdict = !edge.accepted() ? "refuses" : edge.oneWay() ? "accepts, one-way" : "accepts";
            String why = edge.accepted() ? "" : edge.refusals().getFirst().message();
            rows.add(List.of(edge.to().label(), verdict, edge.from().label(), why));
        }
        return rows;
    }

    private static Map<String, Object> tree(
            int hosts, Vmm monitor, Minimum minimum, Classes classes, Map<String, String> names) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("vmm", monitor.toString());
        tree.put("hosts", hosts);
        switch (minimum) {
            case Minimum.Common common -> {
                tree.put("common", true);
                tree.put("digest", common.abi().digest().hex());
                tree.put("clamp", common.clamp().toString());
                tree.put("features", common.abi().features());
                tree.put("guestAbi", GuestABISpec.fromGuestAbi(common.abi()));
                tree.put(
                        "holdsDown",
                        common.holdsDown().stream()
                                .map(held -> Trees.of(held, names))
                                .toList());
            }
            case Minimum.None none -> {
                tree.put("common", false);
                tree.put("reasons", Trees.refusals(none.reasons()));
            }
        }
        tree.put(
                "classes",
                classes.classes().stream().map(c -> Trees.of(c, names)).toList());
        tree.put("edges", classes.edges().stream().map(Trees::of).toList());
        return tree;
    }
}
