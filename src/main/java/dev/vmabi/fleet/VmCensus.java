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
import java.util.Collections;
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
 * <p>A VM that has not moved has what it is stamped with, or the birth ABI of the host it runs on. The latter too where it
 * was stamped before its host's present boot was known: a watch may tell of a guest before it tells that the host it was
 * born on had booted. One that has moved
 * has what became of its stamp on landing on the host it runs on; landing twice on one host changes nothing. Where a
 * host's kinds of CPU give a guest different things, nobody knows which of them it has.
 */
final class VmCensus {

    /** VMs whose guests have the same. */
    record Known(GuestAbi has, PersistentMap<String, Vm> vms) {}

    private final List<Known> known = new ArrayList<>();
    private final List<Known> unstamped = new ArrayList<>();
    private final List<Known> stranded = new ArrayList<>();
    private final List<PersistentMap<String, Vm>> unknown = new ArrayList<>();

    private VmCensus() {}

    static VmCensus take(Fleet fleet, Policy policy, Vmm vmm, Pool pool) {
        VmCensus census = new VmCensus();
        WaysOut waysOut = new WaysOut(fleet, vmm, pool);
        fleet.index().vms().all().forEach((kind, vms) -> {
            if (kind.runs() && kind.policy().equals(Optional.of(policy.name()))) {
                has(fleet, vms.values().iterator().next(), vmm)
                        .ifPresentOrElse(
                                has -> census.take(fleet, kind, new Known(has, vms), waysOut),
                                () -> census.unknown.add(vms));
            }
        });
        return census;
    }

    private void take(Fleet fleet, VmKind kind, Known group, WaysOut waysOut) {
        known.add(group);
        if (!kind.stamp().equals(Optional.of(group.has().digest().label()))) {
            unstamped.add(group);
        }
        List<String> takers = waysOut.first(group.has());
        if (takers.isEmpty()) {
            stranded.add(group);
        } else if (takers.size() == 1) {
            PersistentMap<String, Vm> there = PersistentMap.empty();
            for (Map.Entry<String, Vm> vm :
                    fleet.index().vmsOn(takers.getFirst()).entrySet()) {
                there = group.vms().containsKey(vm.getKey()) ? there.with(vm.getKey(), vm.getValue()) : there;
            }
            if (!there.isEmpty()) {
                stranded.add(new Known(group.has(), there));
            }
        }
    }

    /** The VMs that have a node and that the policy speaks for. */
    static Union<Vm> inScope(Fleet fleet, Policy policy) {
        return new Union<>(fleet.index().vms().all().entrySet().stream()
                .filter(g -> g.getKey().runs() && g.getKey().policy().equals(Optional.of(policy.name())))
                .map(Map.Entry::getValue)
                .toList());
    }

    /** What the guest of a running VM has; empty where nobody can tell. */
    static Optional<GuestAbi> has(Fleet fleet, Vm vm, Vmm vmm) {
        Optional<GuestAbi> stamped = vm.stamp().flatMap(fleet::digest).flatMap(fleet::guestAbi);
        if (!(fleet.standing(vm.node().orElseThrow()) instanceof Standing.Fresh host)) {
            return stamped;
        }
        boolean bornSince = fleet.node(vm.node().get())
                .filter(n -> vm.stampedBefore(n.bootId()))
                .isPresent();
        if (vm.stamp().isPresent() && (stamped.isEmpty() || !vm.moved()) && !bornSince) {
            return stamped;
        }
        if (vm.stamp().isEmpty() && vm.moved()) {
            return Optional.empty();
        }
        Set<Digest> digests = new TreeSet<>();
        GuestAbi has = null;
        try {
            for (Map.Entry<Digest, HostProfile> kind : host.kinds().entrySet()) {
                has = stamped.isPresent() && !bornSince
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
        return pool.in(NodeState.Accepting)
                .reports()
                .anyMatch(fresh -> fleet.refusal(fresh, abi, vmm).isPresent());
    }

    /** The counts under a pin, and the pool as it is under it. */
    VmCounts counts(Fleet fleet, Vmm vmm, Pool pool, Optional<Pin> pin) {
        int all = unknown().size();
        int onBaseline = 0;
        int pendingRestart = 0;
        int islanded = 0;
        Map<Digest, Boolean> islands = new HashMap<>();
        for (Known group : known) {
            GuestAbi abi = group.has();
            int number = group.vms().size();
            all += number;
            if (pin.isPresent() && pin.get().digest().equals(abi.digest().hex())) {
                onBaseline += number;
            } else if (pin.isPresent() && lacksSome(abi, pin.get())) {
                pendingRestart += number;
            }
            if (islands.computeIfAbsent(abi.digest(), d -> isIsland(fleet, pool, vmm, abi))) {
                islanded += number;
            }
        }
        return new VmCounts(
                all,
                onBaseline,
                pendingRestart,
                islanded,
                vms(stranded).size(),
                unknown().size());
    }

    private static Union<Vm> vms(List<Known> groups) {
        return new Union<>(groups.stream().map(Known::vms).toList());
    }

    /** Stamps that differ from what the VMs carry. */
    Map<Vm, Digest> stamps() {
        Map<Vm, Digest> stamps = new LinkedHashMap<>();
        unstamped.forEach(
                g -> g.vms().values().forEach(vm -> stamps.put(vm, g.has().digest())));
        return stamps;
    }

    /** Guest ABIs that VMs have, which must exist as objects. */
    Map<Digest, GuestAbi> guestAbis() {
        Map<Digest, GuestAbi> guestAbis = new HashMap<>();
        known.forEach(g -> guestAbis.put(g.has().digest(), g.has()));
        return guestAbis;
    }

    /** VMs that no other node accepts. */
    List<Known> stranded() {
        return Collections.unmodifiableList(stranded);
    }

    /** The first of them by key, at most so many. */
    List<Vm> firstStranded(int most) {
        return vms(stranded).first(most);
    }

    /** VMs of which nothing is known. */
    Union<Vm> unknown() {
        return new Union<>(unknown);
    }
}
