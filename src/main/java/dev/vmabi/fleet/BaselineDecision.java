package dev.vmabi.fleet;

import dev.vmabi.abi.Minimum;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import java.util.Optional;

/**
 * What is decided of one policy's baseline: the first pin, or what becomes of the one that stands.
 *
 * @param pinned what the condition BaselinePinned is to say
 * @param proposal what the pool could be pinned to instead
 * @param lowering what an explicit lowering would cost and bring; empty where it would let nobody in
 * @param minimum what the present pool could honour; empty while nothing was computed
 */
record BaselineDecision(
        BaselineDraft baseline,
        Finding pinned,
        Optional<Proposal> proposal,
        Optional<VirtualMachineABIStatus.Lowering> lowering,
        Optional<Minimum> minimum) {

    static BaselineDecision decide(Situation situation) {
        BaselineDraft draft =
                new BaselineDraft(situation.fleet(), situation.policy().status(), situation.now());
        if (!situation.terms().problems().isEmpty()) {
            return stands(draft);
        }
        return draft.pin().isPresent() ? goOn(situation, draft) : begin(situation, draft);
    }

    /** A policy that is wrong changes nothing. */
    private static BaselineDecision stands(BaselineDraft draft) {
        Finding finding = draft.pin()
                .map(BaselineDecision::pinned)
                .orElseGet(() -> new Finding(
                        false, ConditionReason.PolicyInvalid, "nothing is pinned until the policy is mended"));
        return new BaselineDecision(draft, finding, Optional.empty(), Optional.empty(), Optional.empty());
    }

    private static BaselineDecision begin(Situation situation, BaselineDraft draft) {
        FirstPin first = new FirstPin(situation, draft);
        Finding finding = first.decide().orElseGet(() -> pinned(draft.pin().orElseThrow()));
        return new BaselineDecision(draft, finding, first.proposal(), Optional.empty(), first.minimum());
    }

    private static BaselineDecision goOn(Situation situation, BaselineDraft draft) {
        Optional<Pin> before = draft.pin();
        Optional<VirtualMachineABIStatus.Lowering> lowering = Optional.empty();
        Raise raise = new Raise(situation, draft);
        raise.goBackIfApproved();
        raise.finaliseIfDue();
        // A pool that was sorted by one pin is not asked about another.
        if (draft.pin().equals(before)) {
            LoweringRequest request = new LoweringRequest(situation, draft);
            request.decide();
            lowering = request.shown();
        }
        if (draft.pin().equals(before)) {
            raise.offerAndRaise();
        }
        return new BaselineDecision(
                draft, pinned(draft.pin().orElseThrow()), raise.candidate(), lowering, raise.minimum());
    }

    private static Finding pinned(Pin pin) {
        return new Finding(
                true,
                ConditionReason.Pinned,
                "generation " + pin.generation() + " is pinned: " + pin.label() + ", "
                        + pin.features().size() + " features");
    }
}
