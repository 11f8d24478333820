package dev.vmabi.chaos.check;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/** The cluster at one moment, as somebody sees it who has only the objects; all maps are by name. */
record Picture(
        Map<String, Node> nodes,
        Map<String, Report> reports,
        Map<String, Content<HostProfile>> profiles,
        Map<String, Content<GuestAbi>> guestAbis,
        Map<String, Policy> policies,
        Map<String, Vm> vms) {

    record Node(String name, Map<String, String> labels, String bootId, Instant created) {}

    /** Both empty where they cannot be read. */
    record Report(Optional<NodeABISpec> spec, Optional<NodeABIStatus> status) {}

    /**
     * A content-addressed object.
     *
     * @param content empty if it is not what the object is named by, or cannot be read
     * @param saidValid what the operator's condition says; empty while it says nothing
     */
    record Content<T>(Optional<T> content, Optional<Boolean> saidValid) {}

    /** Spec empty where it cannot be read. */
    record Policy(
            String name,
            String uid,
            Instant created,
            Optional<VirtualMachineABISpec> spec,
            Optional<VirtualMachineABIStatus> status) {}

    /** By namespace and name; the node is that where it runs. */
    record Vm(String key, String uid, Optional<String> node, Optional<String> stamp) {}

    Optional<String> boot(String node) {
        return Optional.ofNullable(nodes.get(node)).map(Node::bootId);
    }

    /** What the node's agent has said since its present boot, if that can be relied on. */
    Optional<NodeABISpec> fresh(String node) {
        Node seen = nodes.get(node);
        Report report = reports.get(node);
        if (seen == null || report == null || report.spec().isEmpty()) {
            return Optional.empty();
        }
        NodeABISpec spec = report.spec().get();
        boolean holds = !seen.bootId().isEmpty()
                && seen.bootId().equals(spec.bootID())
                && spec.kvm() != null
                && spec.kvm().state() == NodeABISpec.KvmState.Available
                && profile(spec).isPresent()
                && spec.cpus().stream().allMatch(c -> c.profile() == null || holds(c.profile()));
        return holds ? Optional.of(spec) : Optional.empty();
    }

    Optional<HostProfile> profile(NodeABISpec report) {
        return Optional.ofNullable(report.profile()).map(profiles::get).flatMap(Content::content);
    }

    private boolean holds(String profile) {
        return profiles.containsKey(profile) && profiles.get(profile).content().isPresent();
    }
}
