package dev.vmabi.abi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The laws of the algebra, over recorded hosts and seeded variations of them. A failure names its seed. */
class AlgebraPropertiesTest {

    private static final Vmm QEMU = Vmm.parse("qemu:11.1");
    private static final List<Vmm> VMMS = List.of(Vmm.parse("qemu:10.0"), QEMU, Vmm.parse("firecracker"), Vmm.GENERIC);

    /** {@code -Dvmabi.seed=n} repeats one case. */
    static LongStream seeds() {
        Long one = Long.getLong("vmabi.seed");
        return one != null ? LongStream.of(one) : LongStream.range(0, 150);
    }

    private static List<HostProfile> fleet(long seed) {
        Random random = new Random(seed);
        HostGenerator generator = new HostGenerator(seed);
        String cpu = List.of("cortex-a57", "cortex-a76", "max").get(random.nextInt(3));
        List<HostProfile> hosts = new ArrayList<>();
        for (int i = 0; i < 2 + random.nextInt(5); i++) {
            String kernel = List.of("6.12", "6.18").get(random.nextInt(2));
            HostProfile base = RecordedHosts.profile("linux-" + kernel + "-" + cpu);
            hosts.add(random.nextInt(3) == 0 ? base : generator.host(base));
        }
        return hosts;
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void meetIsCommutativeAssociativeIdempotent(long seed) {
        List<HostProfile> hosts = fleet(seed);
        Minimum all = Minimum.of(hosts, QEMU, Exclusions.NONE);
        List<HostProfile> shuffled = new ArrayList<>(hosts);
        Collections.shuffle(shuffled, new Random(seed));
        assertThat(Minimum.of(shuffled, QEMU, Exclusions.NONE))
                .as("seed %d", seed)
                .isEqualTo(all);
        shuffled.addAll(hosts);
        assertThat(Minimum.of(shuffled, QEMU, Exclusions.NONE))
                .as("seed %d", seed)
                .isEqualTo(all);

        Offer left = hosts.getFirst().offer();
        for (HostProfile host : hosts.subList(1, hosts.size())) {
            left = left.meet(host.offer());
        }
        Offer right = hosts.getLast().offer();
        for (HostProfile host : hosts.subList(0, hosts.size() - 1).reversed()) {
            right = host.offer().meet(right);
        }
        assertThat(greatest(left)).as("seed %d", seed).isEqualTo(greatest(right));
        assertThat(greatest(left.meet(left))).as("seed %d", seed).isEqualTo(greatest(left));
        assertThat(left.listed()).as("seed %d", seed).isEqualTo(right.listed());
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyMemberAcceptsTheMinimum(long seed) {
        List<HostProfile> hosts = fleet(seed);
        for (Vmm vmm : VMMS) {
            if (Minimum.of(hosts, vmm, Exclusions.NONE) instanceof Minimum.Common common) {
                for (HostProfile host : hosts) {
                    assertThat(host.accepts(common.abi(), vmm, common.clamp()).accepted())
                            .as("seed %d, %s, %s", seed, vmm, host)
                            .isTrue();
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void anythingAboveTheMinimumIsRefusedByAMember(long seed) {
        List<HostProfile> hosts = fleet(seed);
        if (!(Minimum.of(hosts, QEMU, Exclusions.NONE) instanceof Minimum.Common common)) {
            return;
        }
        GuestAbi pin = common.abi();
        pin.registers().forEach((id, value) -> {
            for (int n = 0;
                    n < 16 && id.kind() == RegisterKind.FEATURE_ID && id.encoding() != Encodings.ACTLR_EL1;
                    n++) {
                int pinned = (int) (value >>> (4 * n)) & 15;
                NibbleOrder order = Catalogue.get().order(id.encoding(), n);
                for (int v = 0; v < 16; v++) {
                    boolean above = v != pinned && ((order.notAbove(v) >>> pinned) & 1) != 0;
                    if (above) {
                        GuestAbi greater = pin.with(id.encoding(), (value & ~(15L << (4 * n))) | ((long) v << (4 * n)));
                        assertThat(hosts)
                                .as("seed %d: %s nibble %d raised from %d to %d", seed, id.name(), n, pinned, v)
                                .anyMatch(host -> refusesOrAlters(host, greater, common.clamp()));
                    }
                }
            }
        });
    }

    /** A value that a host takes and then shows as another was not accepted either. */
    private static boolean refusesOrAlters(HostProfile host, GuestAbi greater, Clamp clamp) {
        if (!host.accepts(greater, QEMU, clamp).accepted()) {
            return true;
        }
        GuestAbi landed = host.land(greater, QEMU, clamp);
        return greater.registers().entrySet().stream().anyMatch(e -> landed.value(e.getKey()) != e.getValue());
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void acceptIsReflexive(long seed) {
        for (HostProfile host : fleet(seed)) {
            for (Vmm vmm : VMMS) {
                assertThat(host.accepts(host.defaultGuestAbi(), vmm))
                        .as("seed %d, %s", seed, vmm)
                        .isEqualTo(new Verdict.Accepted(true));
                assertThat(host.land(host.defaultGuestAbi(), vmm)).isEqualTo(host.defaultGuestAbi());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void refusedMeansAReasonAndAcceptedMeansALanding(long seed) {
        List<HostProfile> hosts = fleet(seed);
        for (HostProfile from : hosts) {
            for (HostProfile to : hosts) {
                for (Vmm vmm : VMMS) {
                    switch (to.accepts(from.defaultGuestAbi(), vmm, Clamp.NONE, from)) {
                        case Verdict.Refused refused ->
                            assertThat(refused.refusals())
                                    .as("seed %d", seed)
                                    .isNotEmpty()
                                    .allSatisfy(r -> assertThat(r.message()).isNotBlank());
                        case Verdict.OneWay oneWay ->
                            assertThat(from.accepts(to.land(from.defaultGuestAbi(), vmm), vmm)
                                            .accepted())
                                    .as("seed %d, %s", seed, vmm)
                                    .isFalse();
                        case Verdict.Accepted accepted ->
                            assertThat(from.accepts(to.land(from.defaultGuestAbi(), vmm), vmm)
                                            .accepted())
                                    .as("seed %d, %s", seed, vmm)
                                    .isTrue();
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void addingAHostNeverRaisesTheMinimum(long seed) {
        List<HostProfile> hosts = fleet(seed);
        Minimum before = Minimum.of(hosts.subList(1, hosts.size()), QEMU, Exclusions.NONE);
        Minimum after = Minimum.of(hosts, QEMU, Exclusions.NONE);
        if (before instanceof Minimum.Common was && after instanceof Minimum.Common is) {
            assertThat(was.abi().registerIds())
                    .as("seed %d", seed)
                    .containsAll(is.abi().registerIds());
            assertThat(was.abi().vcpuFeatures())
                    .as("seed %d", seed)
                    .containsAll(is.abi().vcpuFeatures());
            assertThat(was.abi().features())
                    .as("seed %d", seed)
                    .containsAll(is.abi().features());
        } else {
            assertThat(after).as("seed %d", seed).isInstanceOf(Minimum.None.class);
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void digestIsStableUnderOrderAndTellsAnyField(long seed) {
        Random random = new Random(seed);
        GuestAbi abi = fleet(seed).getFirst().defaultGuestAbi();
        List<Map.Entry<RegisterId, Long>> entries =
                new ArrayList<>(abi.registers().entrySet());
        List<RegisterId> ids = new ArrayList<>(abi.registerIds());
        Collections.shuffle(entries, random);
        Collections.shuffle(ids, random);
        Map<RegisterId, Long> shuffled = new LinkedHashMap<>();
        entries.forEach(e -> shuffled.put(e.getKey(), e.getValue()));
        GuestAbi same = GuestAbi.of(shuffled, ids, abi.vcpuFeatures(), abi.sveVectorLengths(), abi.vgicRevision());
        assertThat(same.digest()).as("seed %d", seed).isEqualTo(abi.digest());
        assertThat(same).isEqualTo(abi).hasSameHashCodeAs(abi);

        RegisterId changed = ids.stream()
                .filter(id -> id.abiMask() == -1 && id.size() == 8)
                .findFirst()
                .orElseThrow();
        long bit = 1L << random.nextInt(64);
        assertThat(abi.with(changed.encoding(), abi.value(changed) ^ bit).digest())
                .as("seed %d", seed)
                .isNotEqualTo(abi.digest());
        List<RegisterId> fewer = ids.subList(1, ids.size());
        Map<RegisterId, Long> left = new TreeMap<>(abi.registers());
        left.remove(ids.getFirst());
        assertThat(GuestAbi.of(left, fewer, abi.vcpuFeatures(), abi.sveVectorLengths(), abi.vgicRevision())
                        .digest())
                .isNotEqualTo(abi.digest());
    }

    @Test
    void digestIgnoresState() {
        GuestAbi abi = RecordedHosts.profile("linux-6.18-max").defaultGuestAbi();
        Map<RegisterId, Long> live = new TreeMap<>(abi.registers());
        live.put(RegisterId.parse("0x603000000013df1a"), 123_456_789L);
        live.put(RegisterId.parse("0x603000000013c005"), 0x80000003L);
        live.put(RegisterId.parse("0x603000000013dce0"), abi.value(RegisterId.parse("0x603000000013dce0")) | 0x41);
        GuestAbi later =
                GuestAbi.of(live, abi.registerIds(), abi.vcpuFeatures(), abi.sveVectorLengths(), abi.vgicRevision());
        assertThat(later).isEqualTo(abi);
    }

    private static List<String> greatest(Offer offer) {
        List<String> values = new ArrayList<>();
        for (int i = 0; i < offer.ids().length; i++) {
            values.add(Long.toHexString(offer.ids()[i]) + "=" + offer.greatest(i));
        }
        return values;
    }
}
