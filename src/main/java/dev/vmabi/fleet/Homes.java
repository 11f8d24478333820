package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Vmm;
import dev.vmabi.fleet.FleetState.Policy;
import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** Where a new VM is best born: on hosts from which it can go to every other host that accepts the baseline. */
final class Homes {
    private Homes() {}

    /**
     * Of the profiles of the nodes that carry the baseline's label, those where a VM that boots under the clamp gets what
     * all the others accept, by their first 16 digits; empty if that is all of them.
     */
    static SortedSet<String> of(Fleet fleet, Policy policy, String baseline, Clamp clamp) {
        SortedMap<Digest, HostProfile> accepting = new TreeMap<>();
        fleet.index().nodes().all().keySet().forEach(kind -> {
            if (kind instanceof NodeKind.Heard heard
                    && heard.holder().equals(Optional.of(policy.name()))
                    && heard.guestAbiLabels().contains(baseline)) {
                accepting.put(heard.fresh().digest(), heard.fresh().profile());
            }
        });
        SortedSet<String> homes = new TreeSet<>();
        accepting.forEach((digest, home) -> {
            if (!isIsland(fleet, home, accepting, fleet.vmm(policy), clamp)) {
                homes.add(digest.label());
            }
        });
        return homes.size() == accepting.size() ? Collections.emptySortedSet() : homes;
    }

    private static boolean isIsland(
            Fleet fleet, HostProfile home, SortedMap<Digest, HostProfile> others, Vmm vmm, Clamp clamp) {
        return birth(home, clamp)
                .map(born -> others.entrySet().stream()
                        .anyMatch(e -> !fleet.verdict(e.getKey(), e.getValue(), born, vmm)
                                .accepted()))
                .orElse(true);
    }

    private static Optional<GuestAbi> birth(HostProfile host, Clamp clamp) {
        try {
            return Optional.of(host.birth(clamp));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
