package dev.vmabi.demo;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.agent.Host;
import dev.vmabi.kvm.KvmState;
import dev.vmabi.kvm.Proof;
import java.util.List;

/**
 * A host that answers as a recorded one did. Its proofs come from what the recorded kernel was measured to take, value
 * by value; nothing else of the agent is replaced.
 */
public record ReplayHost(HostProfile profile, String kernelRelease, String bootId) implements Host {
    private static final RegisterId MIDR_EL1 = RegisterId.parse("0x603000000013c000");

    @Override
    public Findings probe() {
        long midr = profile.defaultGuestAbi().registers().getOrDefault(MIDR_EL1, 0L);
        return new Findings(KvmState.Available, "", bootId, kernelRelease, List.of(new Cpu(midr, 1, profile)));
    }

    @Override
    public Proof.Result prove(GuestAbi guestAbi) {
        if (!(profile.accepts(guestAbi, Vmm.GENERIC) instanceof Verdict.Refused refused)) {
            return new Proof.Result(List.of());
        }
        return new Proof.Result(refused.refusals().stream()
                .filter(r -> !(r instanceof Refusal.RegisterList))
                .map(ReplayHost::refused)
                .toList());
    }

    private static Proof.Refused refused(Refusal refusal) {
        String what = refusal.field().isEmpty() ? refusal.register() : refusal.register() + "." + refusal.field();
        Proof.Outcome outcome =
                refusal instanceof Refusal.RegisterMissing ? Proof.Outcome.Absent : Proof.Outcome.EINVAL;
        return new Proof.Refused(what, outcome, refusal.wanted(), refusal.offered());
    }
}
