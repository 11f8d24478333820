package dev.vmabi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.vmabi.abi.HostProfile;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

/** Asymmetric hosts: each kind of CPU is asked on a CPU of its kind. */
class CpuKindsTest {

    private final HostProfile little = RecordedHosts.profile("linux-6.18-cortex-a57");
    private final HostProfile big = RecordedHosts.profile("linux-6.18-neoverse-n1");

    private final SortedMap<Long, List<Integer>> cpus =
            new TreeMap<>(Map.of(0x411fd070L, List.of(0, 1), 0x414fd0c1L, List.of(2, 3, 4)));

    @Test
    void eachKindHasItsOwnProfile() {
        List<CpuKinds.Kind> kinds = new CpuKinds(new TwoKinds(0)).probe(cpus);
        assertThat(kinds)
                .extracting(CpuKinds.Kind::midr, CpuKinds.Kind::count, CpuKinds.Kind::profile)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(0x411fd070L, 2, little),
                        org.assertj.core.groups.Tuple.tuple(0x414fd0c1L, 3, big));
    }

    @Test
    void aProofHoldsOnlyIfEveryKindTakesTheGuest() {
        CpuKinds kinds = new CpuKinds(new TwoKinds(0));
        assertThat(kinds.prove(cpus, big.defaultGuestAbi()).accepted()).isFalse();
        SortedMap<Long, List<Integer>> bigOnly = new TreeMap<>(cpus.tailMap(0x414fd0c1L));
        bigOnly.put(0x414fd0c2L, List.of(4));
        assertThat(kinds.prove(bigOnly, big.defaultGuestAbi()).accepted()).isTrue();
    }

    @Test
    void aProcessConfinedToSomeCpusUsesThose() {
        assertThat(new CpuKinds(new TwoKinds(1)).probe(cpus)).hasSize(2);
        assertThatExceptionOfType(KvmException.class)
                .isThrownBy(() -> new CpuKinds(new TwoKinds(3)).probe(cpus))
                .withMessageContaining("sched_setaffinity")
                .withMessageContaining("EINVAL");
    }

    /** A kernel that answers as the CPU does that the calling thread was pinned to. */
    private final class TwoKinds implements Kernel {
        private final int firstAllowed;
        private final Map<Thread, Kernel> pinned = new ConcurrentHashMap<>();

        TwoKinds(int firstAllowed) {
            this.firstAllowed = firstAllowed;
        }

        @Override
        public int open(String path) {
            return here().open(path);
        }

        @Override
        public int ioctl(int fd, long request, long argument) {
            return here().ioctl(fd, request, argument);
        }

        @Override
        public void close(int fd) {
            here().close(fd);
        }

        private Kernel here() {
            return pinned.get(Thread.currentThread());
        }

        @Override
        public int pinToCpu(int cpu) {
            if (cpu < firstAllowed) {
                return -Errno.EINVAL.number();
            }
            pinned.put(Thread.currentThread(), new ReplayedKernel(cpu < 2 ? little : big));
            return 0;
        }
    }
}
