package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.FleetEvent.Reason;
import java.util.Optional;

/** What becomes of {@code spec.baseline.lowerTo}. */
final class LoweringRequest {
    private final Situation situation;
    private final BaselineDraft draft;
    private final Pin pin;
    private final Optional<Lowering> offer;
    private Optional<VirtualMachineABIStatus.Lowering> shown;

    LoweringRequest(Situation situation, BaselineDraft draft) {
        this.situation = situation;
        this.draft = draft;
        this.pin = draft.pin().orElseThrow();
        this.offer = Lowering.offered(situation, pin);
        this.shown = offer.map(o -> o.shown(situation.fleet(), situation.guestAbi(pin)));
    }

    /** What an explicit lowering would cost and bring; empty where it would let nobody in, and once it is done. */
    Optional<VirtualMachineABIStatus.Lowering> shown() {
        return shown;
    }

    /** Lowers the baseline, if that is asked for and nothing forbids it. */
    void decide() {
        offer.ifPresent(o -> draft.publish(o.to().abi()));
        Optional<Digest> asked = situation.terms().lowerTo();
        if (asked.isEmpty()) {
            draft.loweredTo(Optional.empty());
            return;
        }
        Digest wanted = asked.get();
        if (wanted.hex().equals(pin.digest())) {
            draft.loweredTo(Optional.of(wanted.hex()));
            draft.lowered(done(wanted));
        } else if (draft.loweredTo().equals(Optional.of(wanted.hex()))) {
            draft.lowered(
                    not(
                            ConditionReason.AlreadyLowered,
                            "the baseline was lowered to " + wanted.label()
                                    + " and has changed since; to lower it again, take spec.baseline.lowerTo out and put it back"));
        } else {
            draft.lowered(obstacle(wanted).orElseGet(() -> lower(wanted)));
        }
    }

    private Optional<Finding> obstacle(Digest wanted) {
        if (offer.isEmpty()) {
            return Optional.of(not(
                    ConditionReason.NotOffered,
                    "no node is fenced for what it lacks of the baseline, so there is nothing to lower it to"));
        }
        Digest offered = offer.get().to().abi().digest();
        if (!offered.equals(wanted)) {
            return Optional.of(not(
                    ConditionReason.NotOffered,
                    "what would let the fenced nodes in is " + offered.hex() + ", not " + wanted.label()));
        }
        Members awaited = offer.get().awaited();
        if (!awaited.isEmpty()) {
            Members refusing = awaited.where(g -> g.tried(wanted));
            return Optional.of(
                    refusing.isEmpty()
                            ? not(
                                    ConditionReason.WaitingForProof,
                                    shown.orElseThrow().proved() + " of "
                                            + shown.orElseThrow().needed() + " nodes have proved " + wanted.label()
                                            + "; waiting for " + awaited.names())
                            : not(
                                    ConditionReason.ProofFailed,
                                    "the kernel refused " + wanted.label() + " on " + refusing.names()));
        }
        return Lowering.forbidden(situation.fleet(), offer.get().to().abi(), situation.census());
    }

    private Finding lower(Digest wanted) {
        Lowering lowering = offer.orElseThrow();
        draft.loweredTo(Optional.of(wanted.hex()));
        draft.pin(
                lowering.to(),
                "Lowered",
                Reason.BaselineLowered,
                "spec.baseline.lowerTo; lets in " + lowering.admits() + " fenced nodes");
        draft.closeWayBack();
        shown = Optional.empty();
        return done(wanted);
    }

    private static Finding done(Digest wanted) {
        return new Finding(true, ConditionReason.Lowered, "the baseline is " + wanted.label());
    }

    private static Finding not(ConditionReason reason, String message) {
        return new Finding(false, reason, message);
    }
}
