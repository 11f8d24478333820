package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.api.VirtualMachineABISpec.RaiseStrategy;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.Previous;
import dev.vmabi.fleet.FleetEvent.Reason;
import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How a baseline goes up, and back until that is final.
 *
 * <p>It is never lowered by the arrival of a lesser node: candidates are made only from nodes that honour the pin.
 */
final class Raise {
    private final Situation situation;
    private final BaselineDraft draft;
    private final PolicyTerms terms;
    private Optional<Minimum> minimum = Optional.empty();
    private Optional<Proposal> candidate = Optional.empty();

    Raise(Situation situation, BaselineDraft draft) {
        this.situation = situation;
        this.draft = draft;
        this.terms = situation.terms();
    }

    void goBackIfApproved() {
        draft.previous()
                .map(p -> Digest.parse(p.digest()))
                .filter(d -> terms.approve().equals(Optional.of(d)))
                .flatMap(situation.fleet()::guestAbi)
                .filter(this::mayLower)
                .ifPresent(draft::goBack);
    }

    void finaliseIfDue() {
        Optional<Instant> closes = draft.previous().map(Previous::finalisedAt).map(Instant::parse);
        if (closes.filter(situation.now()::isBefore).isPresent()) {
            draft.lookAgainAt(closes.get());
        } else if (closes.isPresent()) {
            draft.finalise();
        }
    }

    /** Offers what the pool could be raised to, and raises it if that is approved or has soaked. */
    void offerAndRaise() {
        Pin pin = draft.pin().orElseThrow();
        SortedMap<Digest, HostProfile> profiles =
                terms.profile().map(this::named).orElseGet(() -> situation.honouring(pin));
        if (profiles.isEmpty()) {
            return;
        }
        minimum = Optional.of(situation.fleet().verdicts().minimum(profiles, terms.vmm(), terms.exclusions()));
        if (minimum.get() instanceof Minimum.Common common
                && !common.abi().digest().hex().equals(pin.digest())) {
            Proposal proposal = Proposal.of(
                    situation, situation.guestAbi(pin), common, situation.pool().unfenced());
            draft.publish(common.abi());
            candidate = Optional.of(proposal);
            if (proposal.proved()) {
                raise(proposal, common, pin);
            }
        }
    }

    private void raise(Proposal proposal, Minimum.Common common, Pin old) {
        boolean approved = terms.approve().filter(common.abi().digest()::equals).isPresent();
        Instant soakEnds = Instant.parse(proposal.candidate().soakEndsAt());
        // What takes something from guests is a lowering, and that nobody does but a person.
        boolean lesser = !proposal.candidate().losses().isEmpty();
        boolean automatic = situation.policy().spec().raise().strategy() == RaiseStrategy.Automatic && !lesser;
        boolean soaked = automatic && !situation.now().isBefore(soakEnds);
        if (automatic && !soaked) {
            draft.lookAgainAt(soakEnds);
        }
        if (soaked || (approved && (!lesser || mayLower(common.abi())))) {
            draft.pin(
                    common,
                    "Raised",
                    Reason.BaselineRaised,
                    approved
                            ? "approved by digest"
                            : "soaked for " + situation.policy().spec().raise().soak());
            draft.openWayBack(old, situation.now().plus(terms.soak()));
            candidate = Optional.empty();
        }
    }

    /** Whether a baseline that gives guests less may be pinned; if not, the draft says who forbids it. */
    private boolean mayLower(GuestAbi lesser) {
        Optional<Finding> forbidden = Lowering.forbidden(situation.fleet(), lesser, situation.census());
        forbidden.ifPresent(draft::lowered);
        return forbidden.isEmpty();
    }

    private SortedMap<Digest, HostProfile> named(Digest wanted) {
        HostProfile profile = situation.fleet().state().profiles().get(wanted);
        return profile == null ? Collections.emptySortedMap() : new TreeMap<>(Map.of(wanted, profile));
    }

    /** What the pool could be raised to; empty where that is nothing, and once it is raised. */
    Optional<Proposal> candidate() {
        return candidate;
    }

    /** What the pool could honour; empty while nothing was computed. */
    Optional<Minimum> minimum() {
        return minimum;
    }
}
