package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a running VM's guest has, against its policy's baseline. A guest may have neither just the baseline nor less.
 *
 * @param guestAbi empty where it is not known
 * @param pendingRestart it sees less than the baseline: a restart would give it the rest
 * @param islanded it cannot move to every other node that accepts the baseline
 * @param stranded no other node accepts it
 */
public record VmStanding(
        Vm vm,
        Optional<Digest> guestAbi,
        boolean onBaseline,
        boolean pendingRestart,
        boolean islanded,
        boolean stranded) {

    private record Compared(boolean onBaseline, boolean pendingRestart, boolean islanded) {}

    /** The VMs in the policy's scope that have a node: those that {@code status.virtualMachines} counts. */
    public static List<VmStanding> of(Fleet fleet, Policy policy) {
        PolicyTerms terms = fleet.terms(policy);
        Vmm vmm = terms.vmm();
        Optional<Pin> pin = Optional.ofNullable(policy.status()).map(VirtualMachineABIStatus::baseline);
        Pool pool =
                Pool.of(fleet, policy, terms, pin.map(p -> Digest.parse(p.digest())), Fence.raised(policy.status()));
        WaysOut waysOut = new WaysOut(fleet, vmm, pool);
        Map<Digest, Compared> known = new HashMap<>();
        List<VmStanding> all = new ArrayList<>();
        for (Vm vm : VmCensus.inScope(fleet, policy).all()) {
            Optional<GuestAbi> has = VmCensus.has(fleet, vm, vmm);
            if (has.isEmpty()) {
                all.add(new VmStanding(vm, Optional.empty(), false, false, false, false));
                continue;
            }
            Compared compared =
                    known.computeIfAbsent(has.get().digest(), d -> compare(fleet, vmm, pool, pin, has.get()));
            all.add(new VmStanding(
                    vm,
                    has.map(GuestAbi::digest),
                    compared.onBaseline(),
                    compared.pendingRestart(),
                    compared.islanded(),
                    !waysOut.any(vm.node().get(), has.get())));
        }
        return List.copyOf(all);
    }

    private static Compared compare(Fleet fleet, Vmm vmm, Pool pool, Optional<Pin> pin, GuestAbi has) {
        boolean same = pin.isPresent() && pin.get().digest().equals(has.digest().hex());
        boolean less = !same && pin.isPresent() && VmCensus.lacksSome(has, pin.get());
        return new Compared(same, less, VmCensus.isIsland(fleet, pool, vmm, has));
    }
}
