package dev.vmabi.agent;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.kvm.KvmState;
import dev.vmabi.kvm.Proof;
import java.util.List;

/** The host an agent speaks for: this machine, or in a demo one that replays a recorded profile. */
public interface Host {

    /**
     * What a host is found to be.
     *
     * @param state whether guests can run here
     * @param message why not, for people; empty where they can
     * @param bootId of the running boot
     * @param kernelRelease as {@code uname -r}
     * @param cpus the kinds of CPU, the one most of them are of first; empty where there is no KVM
     */
    record Findings(KvmState state, String message, String bootId, String kernelRelease, List<Cpu> cpus) {
        public Findings {
            cpus = List.copyOf(cpus);
        }
    }

    /**
     * One kind of CPU.
     *
     * @param midr MIDR_EL1
     * @param count how many are online
     * @param profile what was found on them
     */
    record Cpu(long midr, int count, HostProfile profile) {}

    /** Probes. A host without KVM is a finding, not an error. */
    Findings probe();

    /**
     * Has the kernel judge a guest ABI, on every kind of CPU.
     *
     * @throws RuntimeException if the kernel could not be asked; asking again later may work
     */
    Proof.Result prove(GuestAbi guestAbi);

    /** Nothing is asked of this host for a while: what its answers took goes back to the machine. */
    default void rest() {}
}
