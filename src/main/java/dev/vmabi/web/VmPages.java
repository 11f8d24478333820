package dev.vmabi.web;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.Destinations;
import dev.vmabi.fleet.Destinations.Barrier;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.Selectors;
import dev.vmabi.fleet.VmStanding;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** VMs: those that a question finds, and one with where it can go. */
final class VmPages {
    private static final int MOST = 100;
    private static final int MOST_EXAMPLES = 6;

    private VmPages() {}

    /** What is asked for; an empty part asks for all. */
    record Query(String policy, String state, String node, String guestAbi, String text) {
        static Query of(RoutingContext request) {
            return new Query(
                    WebService.query(request, "policy"),
                    WebService.query(request, "state"),
                    WebService.query(request, "node"),
                    WebService.query(request, "abi"),
                    WebService.query(request, "q"));
        }

        boolean finds(Row row) {
            return (state.isEmpty() || row.states().contains(state))
                    && (node.isEmpty() || node.equals(row.node()))
                    && (guestAbi.isEmpty() || guestAbi.equals(row.guestAbi()))
                    && (row.namespace() + "/" + row.name()).contains(text);
        }
    }

    /**
     * A VM in a list; what is not known is null.
     *
     * @param states of {@code OnBaseline}, {@code PendingRestart}, {@code Islanded}, {@code Stranded} and {@code Unknown}
     */
    record Row(String namespace, String name, String policy, String node, String guestAbi, List<String> states) {}

    record Listing(long total, List<Row> items) {}

    /** Nodes that do not take it, for one reason. */
    record Kept(String reason, int nodes, List<String> examples) {}

    record Detail(
            Row row,
            String stamp,
            String unknown,
            boolean moved,
            String clamp,
            List<String> missing,
            List<String> beyond,
            int features,
            int takers,
            List<String> takerExamples,
            List<Kept> kept,
            List<DecisionRow> decisions) {}

    static Listing list(Snapshot snapshot, Query query) {
        List<Row> found = snapshot.policies().stream()
                .filter(p -> query.policy().isEmpty() || query.policy().equals(p.name()))
                .flatMap(p -> snapshot.vms(p).values().stream().map(s -> row(p, s)))
                .filter(query::finds)
                .sorted(Comparator.comparing(Row::namespace).thenComparing(Row::name))
                .toList();
        return new Listing(found.size(), found.stream().limit(MOST).toList());
    }

    static Row row(Snapshot snapshot, Vm vm) {
        return snapshot.standing(vm)
                .map(s -> row(snapshot.fleet().policyFor(vm).orElseThrow(), s))
                .orElseGet(() -> new Row(
                        vm.namespace(),
                        vm.name(),
                        snapshot.fleet().policyFor(vm).map(Policy::name).orElse(null),
                        vm.node().orElse(null),
                        vm.stamp().orElse(null),
                        List.of()));
    }

    private static Row row(Policy policy, VmStanding standing) {
        List<String> states = new ArrayList<>();
        if (standing.guestAbi().isEmpty()) {
            states.add("Unknown");
        }
        if (standing.onBaseline()) {
            states.add("OnBaseline");
        }
        if (standing.pendingRestart()) {
            states.add("PendingRestart");
        }
        if (standing.islanded()) {
            states.add("Islanded");
        }
        if (standing.stranded()) {
            states.add("Stranded");
        }
        Vm vm = standing.vm();
        return new Row(
                vm.namespace(),
                vm.name(),
                policy.name(),
                vm.node().orElse(null),
                standing.guestAbi().map(Digest::label).orElse(null),
                states);
    }

    static Detail one(Snapshot snapshot, Vm vm) {
        Optional<Policy> policy = snapshot.fleet().policyFor(vm);
        Optional<Digest> has = snapshot.standing(vm).flatMap(VmStanding::guestAbi);
        Optional<GuestAbi> abi = has.flatMap(snapshot.fleet()::guestAbi);
        Set<String> pin = policy.map(Policy::status)
                .map(VirtualMachineABIStatus::baseline)
                .map(b -> (Set<String>) new TreeSet<>(b.features()))
                .orElse(Set.of());
        Set<String> features = abi.map(a -> (Set<String>) a.features()).orElse(Set.of());
        List<Barrier> barriers = List.of();
        List<String> takers = List.of();
        if (policy.isPresent() && has.isPresent()) {
            barriers = new Destinations(snapshot.fleet(), policy.get(), has.get(), vm.node(), vm.nodeSelector())
                    .barriers();
            takers = takers(snapshot, vm, barriers);
        }
        return new Detail(
                row(snapshot, vm),
                vm.stamp().orElse(null),
                policy.isPresent() && has.isEmpty() ? snapshot.fleet().whyUnknown(vm, vm.stamp()) : null,
                vm.moved(),
                vm.clamp().toString(),
                abi.isEmpty() ? List.of() : without(pin, features),
                pin.isEmpty() ? List.of() : without(features, pin),
                features.size(),
                takers.size(),
                takers.stream().limit(MOST_EXAMPLES).toList(),
                kept(barriers),
                snapshot.decisions().newestFirst().stream()
                        .filter(d -> d.namespace().equals(vm.namespace()) && d.vm().equals(vm.name()))
                        .map(DecisionRow::of)
                        .toList());
    }

    private static List<String> takers(Snapshot snapshot, Vm vm, List<Barrier> barriers) {
        Set<String> kept = barriers.stream().map(Barrier::node).collect(Collectors.toSet());
        Stream<Node> candidates = snapshot.fleet().state().nodes().stream()
                .filter(n -> "arm64".equals(n.architecture()))
                .filter(n -> !vm.node().equals(Optional.of(n.name())))
                .filter(n -> Selectors.has(n.labels(), vm.nodeSelector()));
        return candidates
                .map(Node::name)
                .filter(n -> !kept.contains(n))
                .sorted()
                .toList();
    }

    private static List<Kept> kept(List<Barrier> barriers) {
        Map<String, List<String>> nodes = barriers.stream()
                .collect(Collectors.groupingBy(
                        Barrier::reason, LinkedHashMap::new, Collectors.mapping(Barrier::node, Collectors.toList())));
        return nodes.entrySet().stream()
                .map(e -> new Kept(
                        e.getKey(),
                        e.getValue().size(),
                        e.getValue().stream().limit(MOST_EXAMPLES).toList()))
                .toList();
    }

    private static List<String> without(Collection<String> these, Set<String> those) {
        return these.stream().filter(f -> !those.contains(f)).toList();
    }
}
