package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Decisions of the operator with all that they were made from, as plain data that JSON can hold: each moment says what
 * has changed in the cluster since the one before it, the first one all there was.
 */
public record Recording(List<Moment> moments) {

    /**
     * One decision.
     *
     * @param policy the policy that it was for, as it was then; null for one on a node
     * @param node the node that it was for, as it was then; null for one on a policy
     */
    public record Moment(String at, Change change, PolicyData policy, NodeData node, Outcome decided) {}

    /** What is different in the cluster, by name (VMs: namespace/name; content: digest); null for what is gone. */
    public record Change(
            Map<String, PolicyData> policies,
            Map<String, NodeData> nodes,
            Map<String, VmData> vms,
            Map<String, ABIProfileSpec> profiles,
            Map<String, GuestABISpec> guestAbis,
            Map<String, Map<String, String>> namespaces) {

        static Change none() {
            return new Change(
                    new TreeMap<>(),
                    new TreeMap<>(),
                    new TreeMap<>(),
                    new TreeMap<>(),
                    new TreeMap<>(),
                    new TreeMap<>());
        }

        int size() {
            return policies.size() + nodes.size() + vms.size() + profiles.size() + guestAbis.size() + namespaces.size();
        }

        /** The cluster after this and then the other change. */
        void then(Change other) {
            apply(policies, other.policies);
            apply(nodes, other.nodes);
            apply(vms, other.vms);
            apply(profiles, other.profiles);
            apply(guestAbis, other.guestAbis);
            apply(namespaces, other.namespaces);
        }

        private static <T> void apply(Map<String, T> to, Map<String, T> change) {
            change.forEach((name, value) -> {
                if (value == null) {
                    to.remove(name);
                } else {
                    to.put(name, value);
                }
            });
        }

        private FleetState state() {
            Map<Digest, HostProfile> hosts = new HashMap<>();
            profiles.forEach((digest, spec) -> hosts.put(Digest.parse(digest), spec.toHostProfile()));
            Map<Digest, GuestAbi> guests = new HashMap<>();
            guestAbis.forEach((digest, spec) -> guests.put(Digest.parse(digest), spec.toGuestAbi()));
            return new FleetState(
                    policies.values().stream().map(PolicyData::policy).toList(),
                    nodes.values().stream().map(NodeData::node).toList(),
                    hosts,
                    guests,
                    vms.values().stream()
                            .map(v -> v.vm(namespaces.getOrDefault(v.namespace(), Map.of())))
                            .toList(),
                    namespaces);
        }
    }

    /** A {@link FleetState.Policy}. */
    public record PolicyData(
            String name,
            String uid,
            long generation,
            String created,
            VirtualMachineABISpec spec,
            List<String> unknown,
            VirtualMachineABIStatus status) {

        static PolicyData of(FleetState.Policy policy) {
            return new PolicyData(
                    policy.name(),
                    policy.uid(),
                    policy.generation(),
                    policy.created().toString(),
                    policy.spec(),
                    policy.unknown(),
                    policy.status());
        }

        FleetState.Policy policy() {
            return new FleetState.Policy(name, uid, generation, Instant.parse(created), spec, unknown, status);
        }
    }

    /** A {@link FleetState.Node}; {@code report} is null for one without an agent's report. */
    public record NodeData(
            String name,
            String uid,
            Map<String, String> labels,
            String architecture,
            boolean ready,
            boolean schedulable,
            String bootId,
            String kernelVersion,
            Set<String> guestAbiLabels,
            ReportData report) {

        static NodeData of(FleetState.Node node) {
            return new NodeData(
                    node.name(),
                    node.uid(),
                    new TreeMap<>(node.labels()),
                    node.architecture(),
                    node.ready(),
                    node.schedulable(),
                    node.bootId(),
                    node.kernelVersion(),
                    new TreeSet<>(node.guestAbiLabels()),
                    node.report()
                            .map(r -> new ReportData(r.generation(), r.spec(), r.status()))
                            .orElse(null));
        }

        FleetState.Node node() {
            return new FleetState.Node(
                    name,
                    uid,
                    labels,
                    architecture,
                    ready,
                    schedulable,
                    bootId,
                    kernelVersion,
                    guestAbiLabels,
                    Optional.ofNullable(report).map(r -> new FleetState.Report(r.generation(), r.spec(), r.status())));
        }
    }

    /** A {@link FleetState.Report}. */
    public record ReportData(long generation, NodeABISpec spec, NodeABIStatus status) {}

    /**
     * A {@link FleetState.Vm}, without the labels of its namespace; {@code node}, {@code stamp} and {@code stampedIn} may
     * be null.
     */
    public record VmData(
            String namespace,
            String name,
            String uid,
            Map<String, String> labels,
            String node,
            String clamp,
            String stamp,
            String stampedIn,
            boolean moved,
            Map<String, String> nodeSelector) {

        static VmData of(FleetState.Vm vm) {
            return new VmData(
                    vm.namespace(),
                    vm.name(),
                    vm.uid(),
                    new TreeMap<>(vm.labels()),
                    vm.node().orElse(null),
                    vm.clamp().toString(),
                    vm.stamp().orElse(null),
                    vm.stampedIn().orElse(null),
                    vm.moved(),
                    new TreeMap<>(vm.nodeSelector()));
        }

        private FleetState.Vm vm(Map<String, String> namespaceLabels) {
            return new FleetState.Vm(
                    namespace,
                    name,
                    uid,
                    labels,
                    namespaceLabels,
                    Optional.ofNullable(node),
                    Clamp.parse(clamp),
                    Optional.ofNullable(stamp),
                    Optional.ofNullable(stampedIn),
                    moved,
                    nodeSelector);
        }
    }

    /**
     * What was decided: of a policy its status, the guest ABIs that are to exist, stamps by VM, and when to look again; of
     * a node its labels, its profile label and the status of its NodeABI. Nulls where there is none.
     */
    public record Outcome(
            VirtualMachineABIStatus status,
            List<String> guestAbis,
            Map<String, String> stamps,
            String next,
            List<String> labels,
            String profile,
            NodeABIStatus report,
            List<String> events) {

        static Outcome of(PolicyDecision decision) {
            Map<String, String> stamps = new TreeMap<>();
            decision.stamps().forEach((vm, digest) -> stamps.put(vm.key(), digest.hex()));
            return new Outcome(
                    decision.status(),
                    decision.guestAbis().keySet().stream()
                            .map(Digest::hex)
                            .sorted()
                            .toList(),
                    stamps,
                    decision.next().equals(Instant.MAX) ? null : decision.next().toString(),
                    null,
                    null,
                    null,
                    events(decision.events()));
        }

        static Outcome of(NodeDecision decision) {
            return new Outcome(
                    null,
                    null,
                    null,
                    null,
                    decision.labels().stream().sorted().toList(),
                    decision.profile().orElse(null),
                    decision.status().orElse(null),
                    events(decision.events()));
        }

        private static List<String> events(List<FleetEvent> events) {
            return events.stream().map(e -> e.reason() + ": " + e.note()).toList();
        }
    }

    /** A moment, and what this version of the product decides from the same. */
    public record Replayed(Moment moment, Outcome now) {}

    /** Makes every decision again, in their order. */
    public void replay(Consumer<Replayed> to) {
        Change cluster = Change.none();
        Verdicts verdicts = new Verdicts();
        Fleet fleet = null;
        for (Moment moment : moments) {
            if (fleet == null || moment.change().size() > 0) {
                cluster.then(moment.change());
                fleet = new Fleet(cluster.state(), verdicts);
            }
            Instant at = Instant.parse(moment.at());
            to.accept(new Replayed(
                    moment,
                    moment.policy() != null
                            ? Outcome.of(
                                    PolicyDecision.decide(fleet, moment.policy().policy(), at))
                            : Outcome.of(
                                    NodeDecision.decide(fleet, moment.node().node(), at))));
        }
    }
}
