package dev.vmabi.kvm;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/**
 * Asks KVM once per kind of CPU. What KVM shows may depend on the CPU that the probing thread runs on, so on an
 * asymmetric host each question has a thread of its own that is kept on one CPU of its kind.
 */
public final class CpuKinds {

    /**
     * One kind of CPU.
     *
     * @param midr MIDR_EL1
     * @param count how many are online
     * @param profile what a guest is shown on them
     */
    public record Kind(long midr, int count, HostProfile profile) {}

    private final Kernel kernel;

    public CpuKinds(Kernel kernel) {
        this.kernel = kernel;
    }

    /**
     * Probes each kind; on a symmetric host on the calling thread, once.
     *
     * @param cpusByMidr as of {@link HostFacts#cpusByMidr}, not empty
     * @throws KvmUnavailableException if there is no KVM here
     * @throws KvmException if a call fails that works wherever KVM does, or if this process may run on no CPU of a kind
     */
    public List<Kind> probe(SortedMap<Long, List<Integer>> cpusByMidr) {
        List<Kind> kinds = new ArrayList<>();
        for (Map.Entry<Long, List<Integer>> kind : cpusByMidr.entrySet()) {
            HostProfile profile = on(kind.getValue(), cpusByMidr.size(), () -> new Probe(kernel).profile());
            kinds.add(new Kind(kind.getKey(), kind.getValue().size(), profile));
        }
        return kinds;
    }

    /**
     * Proves a guest ABI on each kind: a guest may run on any.
     *
     * @param cpusByMidr as of {@link HostFacts#cpusByMidr}, not empty
     * @throws KvmUnavailableException if there is no KVM here
     * @throws KvmException if a call fails that works wherever KVM does, or if this process may run on no CPU of a kind
     */
    public Proof.Result prove(SortedMap<Long, List<Integer>> cpusByMidr, GuestAbi guestAbi) {
        Set<Proof.Refused> refused = new LinkedHashSet<>();
        for (List<Integer> cpus : cpusByMidr.values()) {
            refused.addAll(on(cpus, cpusByMidr.size(), () -> new Proof(kernel).prove(guestAbi))
                    .refused());
        }
        return new Proof.Result(List.copyOf(refused));
    }

    private <T> T on(List<Integer> cpus, int kinds, Supplier<T> question) {
        if (kinds == 1) {
            return question.get();
        }
        FutureTask<T> task = new FutureTask<>(() -> {
            pinToOneOf(cpus);
            return question.get();
        });
        Thread.ofPlatform().name("vmabi-cpu-kind").daemon().start(task);
        try {
            return task.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while asking KVM", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    /** A container may be confined to some CPUs, so each of the kind is tried. */
    private void pinToOneOf(List<Integer> cpus) {
        int answer = -Errno.EINVAL.number();
        for (int cpu : cpus) {
            answer = kernel.pinToCpu(cpu);
            if (answer >= 0) {
                return;
            }
        }
        throw new KvmException("sched_setaffinity to any of CPUs " + cpus, answer);
    }
}
