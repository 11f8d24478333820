package dev.vmabi.web;

import dev.vmabi.abi.Catalogue;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.HoldsDown;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Standing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The classes of a pool, those whose VMs can go furthest first, and what tells them apart.
 *
 * @param common features that a guest sees on every class
 * @param rows features that it does not, and values that are no feature
 */
record HostClasses(List<HostClass> classes, List<String> common, List<Row> rows) {

    /** Hosts that show a guest the same. */
    record HostClass(
            String label,
            String digest,
            int nodes,
            Map<String, Integer> states,
            List<String> kernels,
            List<String> cpus,
            List<String> profiles) {}

    /**
     * One line of the matrix.
     *
     * @param cells one for each class: {@code 1} has it, {@code 0} lacks it, {@code -} lacks it and so holds the pin down
     * @param values for what is no feature: what each class shows
     */
    record Row(String name, String cells, boolean pinned, boolean candidate, List<String> values) {}

    private static final class Members {
        final Set<String> profiles = new TreeSet<>();
        final Set<String> kernels = new TreeSet<>();
        final Set<String> cpus = new TreeSet<>();
        final Map<String, Integer> states = new TreeMap<>();
        GuestAbi shown;
        int nodes;

        void add(Snapshot snapshot, Node node, Standing.Fresh fresh) {
            shown = fresh.profile().defaultGuestAbi();
            nodes++;
            profiles.add(fresh.digest().label());
            kernels.add(node.kernelVersion());
            states.merge(snapshot.nodeStanding(node).state(), 1, Integer::sum);
            node.report().map(r -> r.spec().cpus()).orElse(List.of()).stream()
                    .map(NodeABISpec.Cpu::midr)
                    .forEach(cpus::add);
        }

        HostClass view(Digest digest) {
            return new HostClass(
                    digest.label(),
                    digest.hex(),
                    nodes,
                    states,
                    List.copyOf(kernels),
                    List.copyOf(cpus),
                    List.copyOf(profiles));
        }
    }

    static HostClasses of(Snapshot snapshot, Policy policy) {
        Map<Digest, Members> members = new TreeMap<>();
        for (Node node : snapshot.fleet().pool(policy)) {
            snapshot.fresh(node)
                    .ifPresent(f -> members.computeIfAbsent(
                                    f.profile().defaultGuestAbi().digest(), d -> new Members())
                            .add(snapshot, node, f));
        }
        Map<String, Long> goes = Optional.ofNullable(policy.status()).stream()
                .flatMap(s -> s.classes().stream())
                .flatMap(c -> c.accepts().stream())
                .collect(Collectors.groupingBy(d -> d, Collectors.counting()));
        List<Members> ordered = new ArrayList<>();
        List<HostClass> classes = new ArrayList<>();
        members.entrySet().stream()
                .sorted(Comparator.comparingLong((Map.Entry<Digest, Members> e) ->
                                -goes.getOrDefault(e.getKey().label(), 0L))
                        .thenComparingInt(e -> e.getValue().shown.features().size())
                        .thenComparing(Map.Entry::getKey))
                .forEach(e -> {
                    ordered.add(e.getValue());
                    classes.add(e.getValue().view(e.getKey()));
                });
        return new HostClasses(classes, common(ordered), rows(snapshot, policy, ordered));
    }

    private static List<String> common(List<Members> classes) {
        Set<String> common = new TreeSet<>();
        if (!classes.isEmpty()) {
            common.addAll(classes.getFirst().shown.features());
            classes.forEach(m -> common.retainAll(m.shown.features()));
        }
        return List.copyOf(common);
    }

    private static List<Row> rows(Snapshot snapshot, Policy policy, List<Members> classes) {
        Optional<VirtualMachineABIStatus> status = Optional.ofNullable(policy.status());
        List<HoldsDown> holdsDown =
                status.map(VirtualMachineABIStatus::holdsDown).orElse(List.of());
        Set<String> pin = status.map(VirtualMachineABIStatus::baseline)
                .map(b -> (Set<String>) new TreeSet<>(b.features()))
                .orElse(Set.of());
        Set<String> candidate = status.map(VirtualMachineABIStatus::candidate)
                .flatMap(c -> snapshot.fleet().guestAbi(Digest.parse(c.digest())))
                .map(g -> (Set<String>) g.features())
                .orElse(Set.of());
        Set<String> all = new TreeSet<>(pin);
        classes.forEach(m -> all.addAll(m.shown.features()));
        List<Row> rows = new ArrayList<>();
        for (String feature : all) {
            Set<String> holders = holdsDown.stream()
                    .filter(h -> h.gains().contains(feature))
                    .map(h -> h.profile().substring(0, 16))
                    .collect(Collectors.toSet());
            String cells = classes.stream()
                    .map(m -> m.shown.features().contains(feature) ? "1" : holds(m, holders) ? "-" : "0")
                    .collect(Collectors.joining());
            if (!cells.matches("1*") || (!pin.isEmpty() && !pin.contains(feature))) {
                rows.add(new Row(feature, cells, pin.contains(feature), candidate.contains(feature), null));
            }
        }
        values(holdsDown).forEach((field, entries) -> {
            Set<String> holders =
                    entries.stream().map(h -> h.profile().substring(0, 16)).collect(Collectors.toSet());
            String cells =
                    classes.stream().map(m -> holds(m, holders) ? "-" : "1").collect(Collectors.joining());
            rows.add(new Row(
                    field,
                    cells,
                    false,
                    false,
                    classes.stream().map(m -> shown(m.shown, field)).toList()));
        });
        return rows;
    }

    /** What a guest ABI has in {@code REGISTER} or {@code REGISTER.FIELD}. */
    private static String shown(GuestAbi abi, String name) {
        String[] parts = name.split("\\.", 2);
        Optional<RegisterId> id = Catalogue.get().registerByName(parts[0]).filter(abi::lists);
        if (id.isEmpty()) {
            return "absent";
        }
        Long value = abi.registers().get(id.get());
        if (value == null) {
            return "present";
        }
        long raw = parts.length == 1
                ? value
                : Catalogue.get().fields(id.get()).stream()
                        .filter(f -> f.name().equals(parts[1]))
                        .findFirst()
                        .map(f -> f.raw(value))
                        .orElse(value);
        return "0x" + Long.toHexString(raw);
    }

    private static boolean holds(Members members, Set<String> holders) {
        return members.profiles.stream().anyMatch(holders::contains);
    }

    /** What holds the pin down without being a feature, by field. */
    private static Map<String, List<HoldsDown>> values(List<HoldsDown> holdsDown) {
        return holdsDown.stream()
                .filter(h -> h.gains().isEmpty())
                .collect(Collectors.groupingBy(HoldsDown::field, LinkedHashMap::new, Collectors.toList()));
    }
}
