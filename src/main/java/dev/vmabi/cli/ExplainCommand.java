package dev.vmabi.cli;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.fleet.Destinations;
import dev.vmabi.fleet.Destinations.Barrier;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.Selectors;
import dev.vmabi.fleet.Standing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "explain",
        mixinStandardHelpOptions = true,
        description = "Say where a VM could go now, and for every other node what keeps it from there.",
        footer = {"", "Exit code: 0 some node (with --to: that node) takes it, 1 none does, 2 bad input."})
final class ExplainCommand implements Callable<Integer> {

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(paramLabel = "[vm/]NAME|NAMESPACE/NAME", description = "The VM (VirtualMachineInstance).")
    private String name;

    @Option(names = "--to", paramLabel = "NODE", description = "Only this node, with every reason.")
    private String to;

    /** What one node is to the VM. */
    private record Answer(String node, boolean takes, boolean oneWay, String reason) {
        String word() {
            return takes ? oneWay ? "one-way" : "yes" : "no";
        }
    }

    @Override
    public Integer call() {
        ClusterAccess.View view = cluster.view();
        Fleet fleet = view.fleet();
        Vm vm = vm(view);
        if (to != null && fleet.node(to).isEmpty()) {
            throw new InputException("--to " + Keys.shown(to) + ": there is no such node");
        }
        Optional<Policy> policy = fleet.policyFor(vm);
        Optional<Digest> guestAbi = vm.stamp().flatMap(fleet::digest);
        if (policy.isEmpty() || guestAbi.isEmpty()) {
            String why = policy.isEmpty()
                    ? "no policy speaks for it, so nothing holds it to any node"
                    : "what its guest has is not known: " + fleet.whyUnknown(vm, vm.stamp());
            return say(vm, policy, guestAbi, why, List.of(), List.of());
        }
        List<Answer> answers = answers(fleet, vm, policy.get(), guestAbi.get());
        List<Refusal> refusals = to == null ? List.of() : refusals(fleet, policy.get(), guestAbi.get());
        return say(vm, policy, guestAbi, "", answers, refusals);
    }

    private Vm vm(ClusterAccess.View view) {
        String bare = name.startsWith("vm/") || name.startsWith("vmi/") ? name.substring(name.indexOf('/') + 1) : name;
        int slash = bare.indexOf('/');
        String namespace = slash < 0 ? view.namespace() : bare.substring(0, slash);
        String own = bare.substring(slash + 1);
        return view.fleet()
                .vm(namespace, own)
                .orElseThrow(() -> new InputException("there is no running VM " + Keys.shown(own) + " in namespace "
                        + Keys.shown(namespace) + "; name another with -n NAMESPACE"));
    }

    private List<Answer> answers(Fleet fleet, Vm vm, Policy policy, Digest guestAbi) {
        Map<String, String> barriers = new Destinations(fleet, policy, guestAbi, vm.node(), vm.nodeSelector())
                .barriers().stream().collect(Collectors.toMap(Barrier::node, Barrier::reason));
        Vmm vmm = fleet.vmm(policy);
        return fleet.state().nodes().stream()
                .filter(n -> "arm64".equals(n.architecture()))
                .filter(n -> to == null || n.name().equals(to))
                .sorted(Comparator.comparing(Node::name))
                .map(n -> answer(fleet, vm, guestAbi, vmm, n, Optional.ofNullable(barriers.get(n.name()))))
                .toList();
    }

    private static Answer answer(Fleet fleet, Vm vm, Digest guestAbi, Vmm vmm, Node node, Optional<String> barrier) {
        if (vm.node().equals(Optional.of(node.name()))) {
            return new Answer(node.name(), false, false, "it runs here");
        }
        if (!Selectors.has(node.labels(), vm.nodeSelector())) {
            String lacking = vm.nodeSelector().entrySet().stream()
                    .filter(e -> !e.getValue().equals(node.labels().get(e.getKey())))
                    .map(e -> e.getKey() + "=" + e.getValue())
                    .collect(Collectors.joining(", "));
            return new Answer(node.name(), false, false, "lacks what the VM's own node selector asks for: " + lacking);
        }
        boolean oneWay = verdict(fleet, node.name(), guestAbi, vmm).orElse(null) instanceof Verdict.OneWay;
        String reason = oneWay && barrier.isEmpty() ? "the node it leaves would not take it back" : barrier.orElse("");
        return new Answer(node.name(), barrier.isEmpty(), oneWay, reason);
    }

    private static Optional<Verdict> verdict(Fleet fleet, String node, Digest guestAbi, Vmm vmm) {
        Optional<GuestAbi> abi = fleet.guestAbi(guestAbi);
        return fleet.standing(node) instanceof Standing.Fresh fresh
                ? abi.map(a -> fleet.verdict(fresh.digest(), fresh.profile(), a, vmm))
                : Optional.empty();
    }

    private List<Refusal> refusals(Fleet fleet, Policy policy, Digest guestAbi) {
        return verdict(fleet, to, guestAbi, fleet.vmm(policy)).orElse(null) instanceof Verdict.Refused refused
                ? refused.refusals()
                : List.of();
    }

    private int say(
            Vm vm,
            Optional<Policy> policy,
            Optional<Digest> guestAbi,
            String why,
            List<Answer> answers,
            List<Refusal> refusals) {
        boolean any = policy.isEmpty() || answers.stream().anyMatch(Answer::takes);
        int exit = any ? 0 : VmAbi.REFUSED;
        if (!output.text()) {
            output.tree(tree(vm, policy, guestAbi, why, answers, refusals));
            return exit;
        }
        output.line("@|bold " + vm.key() + "|@ runs on " + vm.node().orElse("no node yet")
                + policy.map(p -> ", policy " + p.name()).orElse("")
                + guestAbi.map(d -> ", guest ABI " + d.label()).orElse("")
                + (vm.clamp().isNone() ? "" : ", started with " + vm.clamp()));
        if (!why.isEmpty()) {
            output.line("  " + why);
            return exit;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("NODE", "TAKES IT", "WHY"));
        answers.forEach(a -> rows.add(List.of(a.node(), a.word(), a.reason())));
        output.table(rows);
        for (Refusal refusal : refusals) {
            output.line("  " + refusal.message());
            output.line("    cure: " + refusal.cure());
        }
        return exit;
    }

    private static Map<String, Object> tree(
            Vm vm,
            Optional<Policy> policy,
            Optional<Digest> guestAbi,
            String why,
            List<Answer> answers,
            List<Refusal> refusals) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("vm", vm.key());
        tree.put("node", vm.node().orElse(null));
        tree.put("policy", policy.map(Policy::name).orElse(null));
        tree.put("guestAbi", guestAbi.map(Digest::hex).orElse(null));
        tree.put("clamp", vm.clamp().toString());
        tree.put("why", why);
        tree.put(
                "nodes",
                answers.stream()
                        .map(a -> {
                            Map<String, Object> one = new LinkedHashMap<>();
                            one.put("node", a.node());
                            one.put("takes", a.takes());
                            one.put("oneWay", a.oneWay());
                            one.put("reason", a.reason());
                            return one;
                        })
                        .toList());
        tree.put("refusals", Trees.refusals(refusals));
        return tree;
    }
}
