package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.fleet.FleetState.Node;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** All that decisions on a pool see of a node, but for its name: nodes of one kind are judged once. */
sealed interface NodeKind {

    /** The policy that holds the node. */
    Optional<String> holder();

    /** The digests of profiles that the node's report names, as it writes them. */
    Stream<String> profiles();

    /**
     * With a fresh report.
     *
     * @param guestAbiLabels as for {@link Node}
     * @param vmmLabels what {@link Fence} tells the version of the node's VMM from
     */
    record Heard(
            Optional<String> holder,
            Standing.Fresh fresh,
            String kernelVersion,
            Set<String> guestAbiLabels,
            Map<String, String> vmmLabels)
            implements NodeKind {
        @Override
        public Stream<String> profiles() {
            return fresh.kinds().keySet().stream().map(Digest::hex);
        }
    }

    /**
     * Without one.
     *
     * @param lastReported the profile of a report from before the last boot; empty where there is none
     * @param named all profiles that the report names
     */
    record Silent(Optional<String> holder, boolean ready, Optional<String> lastReported, Set<String> named)
            implements NodeKind {
        @Override
        public Stream<String> profiles() {
            return named.stream();
        }
    }

    static NodeKind of(Optional<String> holder, Node node, Standing standing) {
        if (standing instanceof Standing.Fresh fresh) {
            return new Heard(
                    holder, fresh, node.kernelVersion(), node.guestAbiLabels(), Fence.vmmLabels(node.labels()));
        }
        Optional<NodeABISpec> report = node.report().map(FleetState.Report::spec);
        return new Silent(
                holder,
                node.ready(),
                report.filter(r -> standing instanceof Standing.Stale).map(NodeABISpec::profile),
                report.stream()
                        .flatMap(r -> Stream.concat(
                                Stream.ofNullable(r.profile()),
                                r.cpus().stream().map(NodeABISpec.Cpu::profile)))
                        .filter(Objects::nonNull)
                        .collect(Collectors.toUnmodifiableSet()));
    }
}
