package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
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
 * has what became of its stamp on landing on the host it runs on; landing twice on one host changes nothing. Where a
 * host's kinds of CPU give a guest different things, nobody knows which of them it has.
 */
final class VmCensus {

    /** A stamp to write. */
    record Stamp(Vm vm, Digest guestAbi) {}

    /** A VM and what its guest has. */
    record Known(Vm vm, GuestAbi has) {}

    private final Map<Digest, GuestAbi> guestAbis = new LinkedHashMap<>();
    private final Map<Digest, Integer> numbers = new HashMap<>();
    private final List<Stamp> stamps = new ArrayList<>();
    private final List<Known> stranded = new ArrayList<>();
    private final List<Vm> unknown = new ArrayList<>();

    private VmCensus() {}

    static VmCensus take(Fleet fleet, Policy policy, Vmm vmm, Pool pool) {
        VmCensus census = new VmCensus();
        WaysOut waysOut = new WaysOut(fleet, vmm, pool);
        for (Vm vm : inScope(fleet, policy)) {
            Optional<GuestAbi> has = has(fleet, vm, vmm);
            if (has.isEmpty()) {
                census.unknown.add(vm);
                continue;
            }
            Digest digest = has.get().digest();
            census.guestAbis.put(digest, has.get());
            census.numbers.merge(digest, 1, Integer::sum);
            if (!vm.stamp().equals(Optional.of(digest.label()))) {
                census.stamps.add(new Stamp(vm, digest));
            }
            if (!waysOut.any(vm.node().get(), has.get())) {
                census.stranded.add(new Known(vm, has.get()));
            }
        }
        return census;
    }

    /** The VMs that have a node and that the policy speaks for. */
    static List<Vm> inScope(Fleet fleet, Policy policy) {
        return fleet.state().vms().stream()
                .filter(vm -> vm.node().isPresent())
                .filter(vm -> fleet.policyFor(vm)
                        .filter(p -> p.name().equals(policy.name()))
                        .isPresent())
                .toList();
    }

    /** What the guest of a running VM has; empty where nobody can tell. */
    static Optional<GuestAbi> has(Fleet fleet, Vm vm, Vmm vmm) {
        Optional<GuestAbi> stamped = vm.stamp().flatMap(fleet::digest).flatMap(fleet::guestAbi);
        if (!(fleet.standing(vm.node().orElseThrow()) instanceof Standing.Fresh host)) {
            return stamped;
        }
        if (vm.stamp().isPresent() && (stamped.isEmpty() || !vm.moved())) {
            return stamped;
        }
        if (vm.stamp().isEmpty() && vm.moved()) {
            return Optional.empty();
        }
        Set<Digest> digests = new TreeSet<>();
        GuestAbi has = null;
        try {
            for (Map.Entry<Digest, HostProfile> kind : host.kinds().entrySet()) {
                has = stamped.isPresent()
                        ? fleet.verdicts().landing(kind.getKey(), kind.getValue(), stamped.get(), vmm, vm.clamp())
                        : kind.getValue().birth(vm.clamp());
                digests.add(has.digest());
            }
        } catch (IllegalArgumentException e) {
            // This host would not have started it under that clamp, or not have taken it in: how it came here, and so
            // what its guest has, is not known.
            return Optional.empty();
        }
        return digests.size() == 1 ? Optional.of(has) : Optional.empty();
    }

    static boolean lacksSome(GuestAbi has, Pin pin) {
        Set<String> missing = new TreeSet<>(pin.features());
        missing.removeAll(has.features());
        return !missing.isEmpty();
    }

    static boolean isIsland(Fleet fleet, Pool pool, Vmm vmm, GuestAbi abi) {
        return pool.in(NodeState.Accepting).stream()
                .map(m -> (Standing.Fresh) m.standing())
                .anyMatch(f -> fleet.refusal(f, abi, vmm).isPresent());
    }

    /** The counts under a pin, and the pool as it is under it. */
    VmCounts counts(Fleet fleet, Vmm vmm, Pool pool, Optional<Pin> pin) {
        int known = 0;
        int onBaseline = 0;
        int pendingRestart = 0;
        int islanded = 0;
        for (Map.Entry<Digest, Integer> entry : numbers.entrySet()) {
            GuestAbi abi = guestAbis.get(entry.getKey());
            int number = entry.getValue();
            known += number;
            if (pin.isPresent() && pin.get().digest().equals(entry.getKey().hex())) {
                onBaseline += number;
            } else if (pin.isPresent() && lacksSome(abi, pin.get())) {
                pendingRestart += number;
            }
            if (isIsland(fleet, pool, vmm, abi)) {
                islanded += number;
            }
        }
        return new VmCounts(
                known + unknown.size(), onBaseline, pendingRestart, islanded, stranded.size(), unknown.size());
    }

    /** Stamps that differ from what the VMs carry. */
    List<Stamp> stamps() {
        return stamps;
    }

    /** Guest ABIs that VMs have, which must exist as objects. */
    Map<Digest, GuestAbi> guestAbis() {
        return guestAbis;
    }

    /** VMs that no other node accepts. */
    List<Known> stranded() {
        return stranded;
    }

    /** VMs of which nothing is known. */
    List<Vm> unknown() {
        return unknown;
    }
}
