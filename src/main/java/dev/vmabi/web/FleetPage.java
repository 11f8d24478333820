package dev.vmabi.web;

import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetState.Policy;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;

/** The whole fleet in one look: where each fence stands. */
record FleetPage(
        String replica,
        int nodes,
        int virtualMachines,
        long unmanagedNodes,
        List<Line> policies,
        List<DecisionRow> decisions) {
    private static final int MOST_DECISIONS = 8;

    /** One policy. {@code baseline} is without its features. */
    record Line(
            String name,
            String vmm,
            String enforcement,
            VirtualMachineABIStatus.Pin baseline,
            int features,
            VirtualMachineABIStatus.Candidate candidate,
            VirtualMachineABIStatus.Previous previous,
            List<Condition> conditions,
            VirtualMachineABIStatus.NodeCounts nodes,
            VirtualMachineABIStatus.VmCounts virtualMachines,
            List<VirtualMachineABIStatus.FenceState> fences,
            int classes) {}

    static FleetPage of(Snapshot snapshot, String replica) {
        return new FleetPage(
                replica,
                snapshot.fleet().state().nodes().size(),
                snapshot.fleet().state().vms().size(),
                snapshot.fleet().state().nodes().stream()
                        .filter(n -> snapshot.policyOf(n).isEmpty())
                        .count(),
                snapshot.policies().stream().map(FleetPage::line).toList(),
                snapshot.decisions().newestFirst().stream()
                        .limit(MOST_DECISIONS)
                        .map(DecisionRow::of)
                        .toList());
    }

    private static Line line(Policy policy) {
        VirtualMachineABIStatus status = policy.status();
        String vmm = policy.spec().vmm().name() + " " + policy.spec().vmm().minimumVersion();
        String enforcement = policy.spec().enforcement().name();
        if (status == null) {
            return new Line(policy.name(), vmm, enforcement, null, 0, null, null, List.of(), null, null, List.of(), 0);
        }
        VirtualMachineABIStatus.Pin pin = status.baseline();
        return new Line(
                policy.name(),
                vmm,
                enforcement,
                pin == null
                        ? null
                        : new VirtualMachineABIStatus.Pin(
                                pin.generation(), pin.digest(), pin.label(), pin.clamp(), List.of(), pin.pinnedAt()),
                pin == null ? 0 : pin.features().size(),
                status.candidate(),
                status.previous(),
                status.conditions(),
                status.nodes(),
                status.virtualMachines(),
                status.fences(),
                status.classes().size());
    }
}
