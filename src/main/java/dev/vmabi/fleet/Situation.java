package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Pool.Member;
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

    /** Whether the member takes VMs of the guest ABI. */
    boolean proved(Member member, Digest guestAbi) {
        return fleet.obstacle(member.node().name(), guestAbi, terms.vmm()).isEmpty();
    }

    /** Whether the member's kernel has been asked since its last boot, whatever it said. */
    static boolean tried(Member member, Digest guestAbi) {
        return member.standing() instanceof Standing.Fresh fresh
                && fresh.proof(guestAbi).isPresent();
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
