package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABIStatus.HostClass;
import dev.vmabi.api.VirtualMachineABIStatus.RefusedClass;
import dev.vmabi.fleet.FleetState.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The classes of a pool: hosts that show guests the same, and whose guests each class accepts. */
final class PoolClasses {
    private static final int MOST_CLASSES = 50;

    private PoolClasses() {}

    static List<HostClass> of(Fleet fleet, Vmm vmm, Pool pool) {
        Map<Digest, List<Standing.Fresh>> profiles = new TreeMap<>();
        Map<Digest, Members> members = new TreeMap<>();
        pool.byProfile().forEach((digest, list) -> {
            Standing.Fresh fresh = list.reports().findFirst().orElseThrow();
            Digest shown = fresh.profile().defaultGuestAbi().digest();
            profiles.computeIfAbsent(shown, d -> new ArrayList<>()).add(fresh);
            members.merge(shown, list, Members::and);
        });
        return profiles.entrySet().stream()
                .limit(MOST_CLASSES)
                .map(e -> hostClass(fleet, vmm, e.getKey(), e.getValue(), members.get(e.getKey()), profiles))
                .toList();
    }

    private static HostClass hostClass(
            Fleet fleet,
            Vmm vmm,
            Digest shown,
            List<Standing.Fresh> hosts,
            Members members,
            Map<Digest, List<Standing.Fresh>> all) {
        List<String> accepts = new ArrayList<>();
        List<RefusedClass> refuses = new ArrayList<>();
        all.entrySet().stream()
                .limit(MOST_CLASSES)
                .filter(e -> !e.getKey().equals(shown))
                .forEach(e -> {
                    GuestAbi theirs = e.getValue().getFirst().profile().defaultGuestAbi();
                    hosts.stream()
                            .map(h -> fleet.verdict(h.digest(), h.profile(), theirs, vmm))
                            .filter(Verdict.Refused.class::isInstance)
                            .map(Verdict.Refused.class::cast)
                            .findFirst()
                            .ifPresentOrElse(
                                    refused -> refuses.add(new RefusedClass(
                                            e.getKey().label(),
                                            fleet.verdicts().told(refused).first())),
                                    () -> accepts.add(e.getKey().label()));
                });
        Node example = members.first();
        return new HostClass(
                shown.hex(), example.name() + ", Linux " + example.kernelVersion(), members.size(), accepts, refuses);
    }
}
