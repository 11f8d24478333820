package dev.vmabi.fleet;

import dev.vmabi.api.VirtualMachineABISpec.Enforcement;
import dev.vmabi.fleet.FleetState.Vm;
import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;

/**
 * A VirtualMachineInstanceMigration.
 *
 * @param addedNodeSelector what its creator asked of the target node, beside the guest ABI
 * @param from the node the VM leaves; empty until KubeVirt says so
 * @param to the node the VM goes to; empty until KubeVirt says so
 */
public record Migration(
        String namespace,
        String name,
        String uid,
        Instant created,
        String vmName,
        Map<String, String> addedNodeSelector,
        Phase phase,
        Optional<String> from,
        Optional<String> to) {

    /** How far it is. */
    public enum Phase {
        /** It has no target pod: none was let in yet, or KubeVirt holds it back. */
        Waiting,
        Moving,
        Succeeded,
        Failed
    }

    public Migration {
        addedNodeSelector = Map.copyOf(addedNodeSelector);
    }

    /**
     * The names of the nodes that take its VM now. None if the gate does not hold the VM: no policy speaks for it, or
     * one that audits, or what its guest has is not known.
     */
    public SortedSet<String> takers(Fleet fleet) {
        return fleet.vm(namespace, vmName)
                .flatMap(vm -> fleet.policyFor(vm)
                        .filter(p -> p.spec().enforcement() == Enforcement.Enforce)
                        .flatMap(p -> vm.stamp()
                                .flatMap(fleet::digest)
                                .map(abi -> Destinations.of(fleet, p, vm, abi, addedNodeSelector)
                                        .nodes())))
                .orElseGet(Collections::emptySortedSet);
    }

    /** What is to be said of a move that has happened and that the node it left would not take back. */
    public Optional<FleetEvent> oneWay(Fleet fleet) {
        if (phase != Phase.Succeeded || from.isEmpty() || to.isEmpty()) {
            return Optional.empty();
        }
        Optional<Vm> vm = fleet.vm(namespace, vmName);
        return vm.flatMap(v -> fleet.policyFor(v)
                .flatMap(p -> v.stamp()
                        .flatMap(fleet::digest)
                        .flatMap(abi -> Destinations.wayBackClosed(fleet, fleet.vmm(p), abi, from.get(), to.get())))
                .map(why -> new FleetEvent(
                        FleetEvent.Reason.OneWayMove,
                        "VM " + v.key() + " moved from " + from.get() + " to " + to.get() + ", and " + from.get()
                                + " would not take it back: " + why)));
    }
}
