package dev.vmabi.operator;

import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.fleet.FleetState;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;

/**
 * One value for all that are equal, for as long as somebody holds it: thousands of nodes with a few profiles report the
 * same proofs, and are told the same, and the VMs of a node name it alike.
 */
final class Shared {
    private final Map<Object, WeakReference<Object>> known = new WeakHashMap<>();

    /** An equal report, whose long parts are those of others. */
    FleetState.Report report(FleetState.Report report) {
        NodeABISpec spec = report.spec();
        NodeABIStatus status = report.status();
        return new FleetState.Report(
                report.generation(),
                spec == null
                        ? null
                        : new NodeABISpec(
                                spec.kvm(),
                                one(spec.profile()),
                                spec.bootID(),
                                one(spec.kernelRelease()),
                                one(spec.cpus()),
                                one(spec.agentVersion()),
                                one(spec.proofs())),
                status == null
                        ? null
                        : new NodeABIStatus(
                                status.observedGeneration(),
                                status.conditions().stream().map(this::one).toList(),
                                one(status.policies())));
    }

    /** An equal node, whose labels are those of others: a node carries one for each guest ABI. */
    FleetState.Node node(FleetState.Node node) {
        return new FleetState.Node(
                node.name(),
                node.uid(),
                labels(node.labels()),
                one(node.architecture()),
                node.ready(),
                node.schedulable(),
                node.bootId(),
                one(node.kernelVersion()),
                one(node.guestAbiLabels()),
                node.report());
    }

    /** An equal VM, whose parts are those of others. */
    Optional<FleetState.Vm> vm(Optional<FleetState.Vm> vm) {
        return vm.map(v -> new FleetState.Vm(
                one(v.namespace()),
                v.name(),
                v.uid(),
                one(labels(v.labels())),
                v.namespaceLabels(),
                one(v.node()),
                one(v.clamp()),
                one(v.stamp()),
                one(v.stampedIn()),
                v.moved(),
                one(v.nodeSelector())));
    }

    private Map<String, String> labels(Map<String, String> labels) {
        Map<String, String> same = new HashMap<>();
        labels.forEach((key, value) -> same.put(one(key), one(value)));
        return Map.copyOf(same);
    }

    @SuppressWarnings("unchecked")
    private synchronized <T> T one(T value) {
        if (value == null) {
            return null;
        }
        WeakReference<Object> found = known.get(value);
        Object same = found == null ? null : found.get();
        if (same == null) {
            known.put(value, new WeakReference<>(value));
            return value;
        }
        return (T) same;
    }
}
