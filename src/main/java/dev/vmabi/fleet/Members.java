package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.Pool.Judgement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Nodes of a pool, those of one kind judged as one. */
record Members(List<Group> groups) {
    private static final int MOST_NAMES = 5;

    /**
     * Nodes of one kind.
     *
     * @param judgement its reason is that of the first of them where they have no fresh report
     */
    record Group(NodeKind kind, PersistentMap<String, Node> nodes, Judgement judgement) {

        Optional<Standing.Fresh> report() {
            return kind instanceof NodeKind.Heard heard ? Optional.of(heard.fresh()) : Optional.empty();
        }

        /** Whether their kernels have been asked since their last boot, whatever they said. */
        boolean tried(Digest guestAbi) {
            return report().flatMap(fresh -> fresh.proof(guestAbi)).isPresent();
        }

        Node first() {
            return nodes.values().iterator().next();
        }

        String firstName() {
            return first().name();
        }
    }

    Members {
        groups = List.copyOf(groups);
    }

    Members where(Predicate<Group> condition) {
        return new Members(groups.stream().filter(condition).toList());
    }

    Members and(Members others) {
        List<Group> all = new ArrayList<>(groups);
        all.addAll(others.groups);
        return new Members(all);
    }

    int size() {
        return groups.stream().mapToInt(g -> g.nodes().size()).sum();
    }

    boolean isEmpty() {
        return groups.isEmpty();
    }

    /** The first by name. */
    Node first() {
        return groups.stream()
                .map(Group::first)
                .min(Comparator.comparing(Node::name))
                .orElseThrow();
    }

    Union<Node> nodes() {
        return new Union<>(groups.stream().map(Group::nodes).toList());
    }

    /** The fresh reports of those that have one. */
    Stream<Standing.Fresh> reports() {
        return groups.stream().flatMap(g -> g.report().stream());
    }

    /** The first names, and how many more there are. */
    String names() {
        String first = nodes().first(MOST_NAMES).stream().map(Node::name).collect(Collectors.joining(", "));
        return size() > MOST_NAMES ? first + " and " + (size() - MOST_NAMES) + " more" : first;
    }
}
