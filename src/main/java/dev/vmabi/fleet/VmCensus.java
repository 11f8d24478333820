package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.VmCounts;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What every VM in a policy's scope has, and the stamps that are to be written.
 *
 * <p>A VM that has not moved has what it is stamped with, or the birth ABI of the host it runs on. One that has moved
 * has what became of its stamp on landing on the host it runs on; landing twice on one host changes nothing.
 */
final class VmCensus {

    /** A stamp to write. */
    record Stamp(Vm vm, Digest guestAbi) {}

    private final Map<Digest, GuestAbi> guestAbis = new LinkedHashMap<>();
    private final List<Stamp> stamps = new ArrayList<>();
    private final List<Vm> unknown = new ArrayList<>();
    private int total;
    private int onBaseline;
    private int pendingRestart;
    private int islanded;

    private VmCensus() {}

    static VmCensus take(Fleet fleet, Policy policy, Vmm vmm, Pool pool, Optional<Pin> pin) {
        VmCensus census = new VmCensus();
        Map<Digest, Boolean> islands = new HashMap<>();
        for (Vm vm : fleet.state().vms()) {
            if (vm.node().isEmpty()
                    || !fleet.policyFor(vm)
                            .filter(p -> p.name().equals(policy.name()))
                            .isPresent()) {
                continue;
            }
            census.total++;
            Optional<GuestAbi> has = has(fleet, vm, vmm);
            if (has.isEmpty()) {
                census.unknown.add(vm);
                continue;
            }
            Digest digest = has.get().digest();
            census.guestAbis.put(digest, has.get());
            if (!vm.stamp().equals(Optional.of(digest.label()))) {
                census.stamps.add(new Stamp(vm, digest));
            }
            if (pin.isPresent() && pin.get().digest().equals(digest.hex())) {
                census.onBaseline++;
            } else if (pin.isPresent() && lacksSome(has.get(), pin.get())) {
                census.pendingRestart++;
            }
            if (islands.computeIfAbsent(digest, d -> isIsland(fleet, pool, vmm, has.get()))) {
                census.islanded++;
            }
        }
        return census;
    }

    private static Optional<GuestAbi> has(Fleet fleet, Vm vm, Vmm vmm) {
        Optional<GuestAbi> stamped = vm.stamp().flatMap(fleet::digest).flatMap(fleet::guestAbi);
        if (!(fleet.standing(vm.node().orElseThrow()) instanceof Standing.Fresh host)) {
            return stamped;
        }
        try {
            if (vm.stamp().isEmpty()) {
                return vm.moved()
                        ? Optional.empty()
                        : Optional.of(host.profile().birth(vm.clamp()));
            }
            return vm.moved()
                    ? stamped.map(s -> fleet.verdicts().landing(host.digest(), host.profile(), s, vmm, vm.clamp()))
                    : stamped;
        } catch (IllegalArgumentException e) {
            // This host would not have started it under that clamp, or not have taken it in: how it came here, and so
            // what
            // its guest has, is not known.
            return Optional.empty();
        }
    }

    private static boolean lacksSome(GuestAbi has, Pin pin) {
        Set<String> missing = new TreeSet<>(pin.features());
        missing.removeAll(has.features());
        return !missing.isEmpty();
    }

    private static boolean isIsland(Fleet fleet, Pool pool, Vmm vmm, GuestAbi abi) {
        return pool.in(NodeState.Accepting).stream()
                .map(m -> (Standing.Fresh) m.standing())
                .anyMatch(f -> fleet.verdict(f.digest(), f.profile(), abi, vmm) instanceof Verdict.Refused);
    }

    VmCounts counts() {
        return new VmCounts(total, onBaseline, pendingRestart, islanded, unknown.size());
    }

    /** Stamps that differ from what the VMs carry. */
    List<Stamp> stamps() {
        return stamps;
    }

    /** Guest ABIs that VMs have, which must exist as objects. */
    Map<Digest, GuestAbi> guestAbis() {
        return guestAbis;
    }

    /** VMs of which nothing is known. */
    List<Vm> unknown() {
        return unknown;
    }
}
