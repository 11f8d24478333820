package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What lowering the baseline on purpose would be: to what, whom it lets in, and which VMs forbid it. A VM forbids it that
 * has more than the lesser baseline and no node beside its own: held to the baseline, another node would have to come
 * back to it; after the lowering none has to.
 *
 * @param awaited nodes that have not proved it yet
 */
record Lowering(Minimum.Common to, Members awaited, int needed, int admits, Union<Vm> forbidding) {
    private static final int MOST_CHANGES = 100;
    private static final int MOST_VMS = 20;
    private static final int MOST_NAMES = 5;

    /**
     * What the fenced nodes would need; empty where there are none, where nothing is common to them and the others, and
     * where that takes nothing from the baseline: a kernel that refuses what it was measured to take is not let in by less.
     */
    static Optional<Lowering> offered(Situation situation, Pin pin) {
        Fleet fleet = situation.fleet();
        PolicyTerms terms = situation.terms();
        Pool pool = situation.pool();
        Optional<GuestAbi> pinned = situation.guestAbi(pin);
        Members fenced = pool.fencedByBaseline();
        if (fenced.isEmpty() || terms.profile().isPresent() || pinned.isEmpty()) {
            return Optional.empty();
        }
        SortedMap<Digest, HostProfile> profiles = new TreeMap<>(situation.honouring(pin));
        fenced.reports().forEach(fresh -> profiles.putAll(fresh.kinds()));
        if (!(fleet.verdicts().minimum(profiles, terms.vmm(), terms.exclusions()) instanceof Minimum.Common common)
                || fleet.verdicts().gains(common.abi(), pinned.get()).isEmpty()) {
            return Optional.empty();
        }
        Members provers = pool.unfenced().and(fenced);
        Members awaited = provers.where(g -> !situation.proved(g, common.abi().digest()));
        Union<Vm> forbidding = forbidding(fleet, common.abi(), situation.census());
        return Optional.of(new Lowering(common, awaited, provers.size(), fenced.size(), forbidding));
    }

    /** VMs that forbid to go from the baseline to a lesser one: stranded by it, or not known. */
    private static Union<Vm> forbidding(Fleet fleet, GuestAbi lesser, VmCensus census) {
        List<PersistentMap<String, Vm>> vms = new ArrayList<>(census.stranded().stream()
                .filter(k -> !fleet.verdicts().gains(lesser, k.has()).isEmpty())
                .map(VmCensus.Known::vms)
                .toList());
        vms.addAll(census.unknown().parts());
        return new Union<>(vms);
    }

    /** Why the baseline may not be lowered to that now, if so, with the count and names of the VMs that forbid it. */
    static Optional<Finding> forbidden(Fleet fleet, GuestAbi lesser, VmCensus census) {
        Union<Vm> forbidding = forbidding(fleet, lesser, census);
        return forbidding.isEmpty()
                ? Optional.empty()
                : Optional.of(new Finding(false, ConditionReason.WouldStrand, refusal(lesser.digest(), forbidding)));
    }

    /** Why those VMs forbid it, with their count and names. */
    private static String refusal(Digest lesser, Union<Vm> forbidding) {
        String names = forbidding.first(MOST_NAMES).stream().map(Vm::key).collect(Collectors.joining(", "));
        return forbidding.size() + " VMs have more than " + lesser.label()
                + " and no other node that accepts them, or have what is not known: " + names
                + (forbidding.size() > MOST_NAMES ? " and " + (forbidding.size() - MOST_NAMES) + " more" : "")
                + "; give them another node, or shut them down until the baseline is lowered";
    }

    /** As the status shows it, beside the present baseline. */
    VirtualMachineABIStatus.Lowering shown(Fleet fleet, Optional<GuestAbi> pin) {
        return new VirtualMachineABIStatus.Lowering(
                to.abi().digest().hex(),
                to.clamp().toString(),
                pin.map(p -> bounded(fleet.verdicts().gains(p, to.abi()))).orElse(List.of()),
                pin.map(p -> bounded(fleet.verdicts().gains(to.abi(), p))).orElse(List.of()),
                admits,
                needed - awaited.size(),
                needed,
                forbidding.size(),
                forbidding.first(MOST_VMS).stream().map(Vm::key).toList());
    }

    private static List<String> bounded(List<String> changes) {
        return changes.stream().limit(MOST_CHANGES).toList();
    }
}
