package dev.vmabi.web;

import dev.vmabi.abi.Digest;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The objects whose name holds a text, those that begin with it first. */
record SearchPage(List<Hit> hits) {
    private static final int MOST_OF_A_KIND = 8;

    /** {@code kind} is {@code policy}, {@code node}, {@code vm} or {@code guest-abi}. */
    record Hit(String kind, String name) {}

    static SearchPage of(Snapshot snapshot, String text) {
        if (text.isEmpty()) {
            return new SearchPage(List.of());
        }
        return new SearchPage(Stream.of(
                        hits("policy", snapshot.policies().stream().map(Policy::name), text),
                        hits("node", snapshot.fleet().state().nodes().stream().map(Node::name), text),
                        hits("vm", snapshot.fleet().state().vms().stream().map(Vm::key), text),
                        hits(
                                "guest-abi",
                                snapshot.fleet().state().guestAbis().keySet().stream()
                                        .map(Digest::label),
                                text))
                .flatMap(s -> s)
                .toList());
    }

    private static Stream<Hit> hits(String kind, Stream<String> names, String text) {
        return names.filter(n -> n.contains(text))
                .sorted(Comparator.comparing((String n) -> !n.startsWith(text)).thenComparing(n -> n))
                .limit(MOST_OF_A_KIND)
                .map(n -> new Hit(kind, n));
    }
}
