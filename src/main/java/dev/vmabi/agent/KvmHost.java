package dev.vmabi.agent;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.kvm.CpuKinds;
import dev.vmabi.kvm.HostFacts;
import dev.vmabi.kvm.Kernel;
import dev.vmabi.kvm.KvmException;
import dev.vmabi.kvm.KvmState;
import dev.vmabi.kvm.KvmUnavailableException;
import dev.vmabi.kvm.Proof;
import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;

/** The machine this process runs on. */
public final class KvmHost implements Host {

    private final Kernel kernel;
    private final Supplier<HostFacts> facts;

    public KvmHost(Kernel kernel) {
        this(kernel, HostFacts::read);
    }

    /**
     * @param kernel the one to ask
     * @param facts read anew for each probe
     */
    public KvmHost(Kernel kernel, Supplier<HostFacts> facts) {
        this.kernel = kernel;
        this.facts = facts;
    }

    @Override
    public Findings probe() {
        HostFacts host = facts.get();
        KvmState state = KvmState.Available;
        String message = "";
        List<Cpu> cpus = List.of();
        try {
            host.requireUsableKvm();
            cpus = new CpuKinds(kernel)
                    .probe(host.cpusByMidr()).stream()
                            .map(kind -> new Cpu(kind.midr(), kind.count(), kind.profile()))
                            .sorted(Comparator.comparingInt(Cpu::count).reversed())
                            .toList();
        } catch (KvmUnavailableException e) {
            state = e.state();
            message = e.getMessage();
        } catch (KvmException e) {
            state = KvmState.ProbeFailed;
            message = e.getMessage();
        }
        return new Findings(state, message, host.bootId(), host.kernelRelease(), cpus);
    }

    @Override
    public Proof.Result prove(GuestAbi guestAbi) {
        return new CpuKinds(kernel).prove(facts.get().cpusByMidr(), guestAbi);
    }

    @Override
    public void rest() {
        Memory.giveBack();
    }
}
