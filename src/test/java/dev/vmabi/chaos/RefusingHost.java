package dev.vmabi.chaos;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.agent.Host;
import dev.vmabi.demo.ReplayHost;
import dev.vmabi.kvm.Proof;
import java.util.List;

/** A host whose kernel refuses every guest ABI, whatever was measured of it. */
record RefusingHost(ReplayHost of) implements Host {
    @Override
    public Findings probe() {
        return of.probe();
    }

    @Override
    public Proof.Result prove(GuestAbi guestAbi) {
        return new Proof.Result(List.of(new Proof.Refused("ID_AA64PFR0_EL1.EL0", Proof.Outcome.EINVAL, "2", "1")));
    }
}
