package dev.vmabi.web;

import dev.vmabi.api.NodeABISpec;
import dev.vmabi.fleet.DrainCheck;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Standing;
import io.vertx.ext.web.RoutingContext;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Nodes: those that a question finds, and one with all that is known of it. */
final class NodePages {
    private static final int MOST = 100;

    private NodePages() {}

    /** What is asked for; an empty part asks for all. */
    record Query(String policy, String state, String hostClass, String profile, String text) {
        static Query of(RoutingContext request) {
            return new Query(
                    WebService.query(request, "policy"),
                    WebService.query(request, "state"),
                    WebService.query(request, "class"),
                    WebService.query(request, "profile"),
                    WebService.query(request, "q"));
        }

        boolean finds(Row row) {
            return (policy.isEmpty() || policy.equals(row.policy()))
                    && (state.isEmpty() || state.equals(row.state()))
                    && (hostClass.isEmpty() || hostClass.equals(row.hostClass()))
                    && (profile.isEmpty() || profile.equals(row.profile()))
                    && row.name().contains(text);
        }
    }

    /** A node in a list; what is not known is null. */
    record Row(
            String name,
            String policy,
            String state,
            String reason,
            String kernel,
            List<String> cpus,
            String hostClass,
            String profile,
            boolean ready,
            boolean schedulable) {}

    record Listing(long total, List<Row> items) {}

    record Detail(
            Row row,
            String bootId,
            String agent,
            String kvm,
            List<NodeABISpec.Proof> proofs,
            List<String> labels,
            List<VmPages.Row> virtualMachines,
            int leave,
            int stay) {}

    static Listing list(Snapshot snapshot, Query query) {
        List<Row> found = snapshot.fleet().state().nodes().stream()
                .map(n -> row(snapshot, n))
                .filter(query::finds)
                .sorted(Comparator.comparing(Row::name))
                .toList();
        return new Listing(found.size(), found.stream().limit(MOST).toList());
    }

    static Detail one(Snapshot snapshot, Node node) {
        Optional<NodeABISpec> report = node.report().map(FleetState.Report::spec);
        DrainCheck drain = DrainCheck.of(snapshot.fleet(), node.name());
        return new Detail(
                row(snapshot, node),
                node.bootId(),
                report.map(NodeABISpec::agentVersion).orElse(null),
                report.map(r -> (r.kvm().state() == null
                                        ? "unknown"
                                        : r.kvm().state().name())
                                + (r.kvm().message() == null
                                        ? ""
                                        : ": " + r.kvm().message()))
                        .orElse("no report"),
                report.map(NodeABISpec::proofs).orElse(List.of()),
                node.guestAbiLabels().stream().sorted().toList(),
                snapshot.fleet().state().vms().stream()
                        .filter(v -> v.node().equals(Optional.of(node.name())))
                        .map(v -> VmPages.row(snapshot, v))
                        .limit(MOST)
                        .toList(),
                drain.leave().size() + drain.free().size(),
                drain.stay().size());
    }

    static Row row(Snapshot snapshot, Node node) {
        Optional<Standing.Fresh> fresh = snapshot.fresh(node);
        NodeStanding standing = snapshot.nodeStanding(node);
        return new Row(
                node.name(),
                snapshot.policyOf(node).map(Policy::name).orElse(null),
                standing.state(),
                standing.reason(),
                node.kernelVersion(),
                node.report().map(r -> r.spec().cpus()).orElse(List.of()).stream()
                        .map(NodeABISpec.Cpu::midr)
                        .toList(),
                fresh.map(f -> f.profile().defaultGuestAbi().digest().label()).orElse(null),
                fresh.map(f -> f.digest().label()).orElse(null),
                node.ready(),
                node.schedulable());
    }
}
