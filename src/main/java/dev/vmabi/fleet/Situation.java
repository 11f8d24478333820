package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.FleetState.Policy;
import java.time.Instant;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What a policy is decided from.
 *
 * @param pool under the baseline that stands; once another is decided, under that one
 */
record Situation(Fleet fleet, Policy policy, PolicyTerms terms, Pool pool, VmCensus census, Instant now) {

    /** The guest ABI of a baseline, if it exists as an object. */
    Optional<GuestAbi> guestAbi(Pin pin) {
        return fleet.guestAbi(Digest.parse(pin.digest()));
    }

    /** Whether the nodes take VMs of the guest ABI. */
    boolean proved(Members.Group nodes, Digest guestAbi) {
        return nodes.report()
                .filter(fresh -> fleet.obstacle(fresh, guestAbi, terms.vmm()).isEmpty())
                .isPresent();
    }

    /** The distinct profiles of members that honour the baseline. */
    SortedMap<Digest, HostProfile> honouring(Pin pin) {
        Optional<GuestAbi> pinned = guestAbi(pin);
        return pool.honouringProfiles(
                fleet.state().profiles(),
                (digest, profile) -> pinned.map(abi ->
                                fleet.verdict(digest, profile, abi, terms.vmm()).accepted())
                        .orElse(false));
    }
}
