package dev.vmabi.bench;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostGenerator;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.RecordedHosts;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the algebra costs; docs/performance.md has the results. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class AbiBenchmark {

    private static final Vmm QEMU = Vmm.parse("qemu:11.1");
    private static final Clamp CLAMP = Clamp.parse("psci=1.1");

    private HostProfile newer;
    private HostProfile older;
    private GuestAbi own;
    private GuestAbi foreign;
    private List<HostProfile> fifty;
    private List<HostProfile> fifteenThousand;
    private List<HostProfile> twoThousand;
    private long[] sum;
    private long[][] rows;

    @Setup
    public void setUp() {
        newer = RecordedHosts.profile("linux-6.18-max");
        older = RecordedHosts.profile("linux-6.12-max");
        own = newer.defaultGuestAbi();
        foreign = older.defaultGuestAbi();
        twoThousand = distinct(2000);
        fifty = twoThousand.subList(0, 50);
        fifteenThousand = new ArrayList<>();
        for (int i = 0; i < 15_000; i++) {
            fifteenThousand.add(fifty.get(i % 50));
        }
        Collections.shuffle(fifteenThousand, new Random(1));
        // As many longs as the fold reads: two sets of four for each register that defines the ABI.
        int longs = 8 * own.registers().size();
        Random random = new Random(2);
        rows = new long[2000][longs];
        for (long[] row : rows) {
            Arrays.setAll(row, i -> random.nextLong());
        }
        sum = new long[longs];
    }

    private static List<HostProfile> distinct(int count) {
        HostGenerator generator = new HostGenerator(7);
        HostProfile base = RecordedHosts.profile("linux-6.18-max");
        Set<HostProfile> hosts = new LinkedHashSet<>();
        while (hosts.size() < count) {
            HostProfile host = generator.lowerHost(base);
            host.digest();
            hosts.add(host);
        }
        return List.copyOf(hosts);
    }

    @Benchmark
    public Verdict acceptSame() {
        return newer.accepts(own, QEMU);
    }

    @Benchmark
    public Verdict acceptForeign() {
        return newer.accepts(foreign, QEMU);
    }

    @Benchmark
    public Verdict acceptClamped() {
        return older.accepts(foreign, QEMU, CLAMP);
    }

    @Benchmark
    public Verdict refuse() {
        return older.accepts(own, QEMU);
    }

    @Benchmark
    public Digest digestOfProfile() {
        GuestAbi abi = GuestAbi.of(
                own.registers(), own.registerIds(), own.vcpuFeatures(), own.sveVectorLengths(), own.vgicRevision());
        return new HostProfile(abi, newer.taken(), newer.capabilities(), newer.ipaLimitBits(), newer.writableMasks())
                .digest();
    }

    @Benchmark
    public Minimum minimumOf50() {
        return Minimum.of(fifty, QEMU, Exclusions.NONE);
    }

    @Benchmark
    public Minimum minimumOf15000Sharing50() {
        return Minimum.of(fifteenThousand, QEMU, Exclusions.NONE);
    }

    @Benchmark
    public Minimum minimumOf2000Distinct() {
        return Minimum.of(twoThousand, QEMU, Exclusions.NONE);
    }

    @Benchmark
    public long[] bareAndOf2000() {
        Arrays.fill(sum, -1L);
        for (long[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                sum[i] &= row[i];
            }
        }
        return sum;
    }
}
