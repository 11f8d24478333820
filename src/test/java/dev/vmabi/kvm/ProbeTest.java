package dev.vmabi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Probe and proof against hosts recorded in the lab. */
class ProbeTest {

    private static final RegisterId DFR0 = RegisterId.parse("0x603000000013c028");
    private static final RegisterId MIDR = RegisterId.parse("0x603000000013c000");

    static List<String> hosts() {
        return RecordedHosts.names();
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void aProbeFindsWhatTheHostIs(String name) {
        HostProfile recorded = RecordedHosts.profile(name);
        ReplayedKernel kernel = new ReplayedKernel(recorded);
        HostProfile found = new Probe(kernel).profile();
        assertThat(found.defaultGuestAbi()).isEqualTo(recorded.defaultGuestAbi());
        assertThat(found.taken()).isEqualTo(recorded.taken());
        assertThat(found.writableMasks()).isEqualTo(recorded.writableMasks());
        assertThat(found.digest()).isEqualTo(recorded.digest());
        assertThat(kernel.openDescriptors()).isZero();
    }

    @Test
    void aVgicRevisionThatTheKernelKeepsIsIgnored() {
        HostProfile host = RecordedHosts.profile("linux-6.18-cortex-a57");
        assertThat(new Proof(new ReplayedKernel(host))
                        .prove(withRevision(host.defaultGuestAbi(), 2))
                        .refused())
                .singleElement()
                .satisfies(one -> assertThat(one.outcome()).isEqualTo(Proof.Outcome.Ignored));
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void aHostTakesItsOwnDefaults(String name) {
        HostProfile recorded = RecordedHosts.profile(name);
        ReplayedKernel kernel = new ReplayedKernel(recorded);
        assertThat(new Proof(kernel).prove(recorded.defaultGuestAbi()).refused())
                .isEmpty();
        assertThat(kernel.openDescriptors()).isZero();
    }

    @Test
    void aRefusedRegisterIsNamedWithItsErrno() {
        HostProfile older = RecordedHosts.profile("linux-6.1-cortex-a57");
        HostProfile newer = RecordedHosts.profile("linux-6.18-cortex-a57");
        List<Proof.Refused> refused = new Proof(new ReplayedKernel(older))
                .prove(newer.defaultGuestAbi())
                .refused();
        assertThat(refused)
                .anySatisfy(one -> {
                    assertThat(one.what()).startsWith(RegisterId.PSCI_VERSION.name());
                    assertThat(one.outcome()).isEqualTo(Proof.Outcome.EINVAL);
                    assertThat(one.wanted()).isEqualTo("0x10003");
                    assertThat(one.offered()).isEqualTo("0x10001");
                })
                .anySatisfy(one -> {
                    assertThat(one.outcome()).isEqualTo(Proof.Outcome.Absent);
                    assertThat(one.what()).isEqualTo(RegisterId.VENDOR_HYP_BMAP_2.name());
                });
    }

    @Test
    void aWriteThatChangesNothingIsNotTakenForAnAnswer() {
        HostProfile host = RecordedHosts.profile("linux-6.18-neoverse-n1");
        HostProfile ignoring = takes(host, DFR0, 36, "AAAAAAAAAAAAAAAS");
        GuestAbi wanted =
                withValue(host.defaultGuestAbi(), DFR0, host.defaultGuestAbi().value(DFR0) | 0xF0_0000_0000L);
        assertThat(new Proof(new ReplayedKernel(ignoring)).prove(wanted).refused())
                .singleElement()
                .satisfies(one -> assertThat(one.outcome()).isEqualTo(Proof.Outcome.Ignored));
    }

    @Test
    void foreignImplementationIdsAreTakenOnlyWithTheCapability() {
        HostProfile host = RecordedHosts.profile("linux-6.18-neoverse-n1");
        GuestAbi foreign = withValue(host.defaultGuestAbi(), MIDR, 0x411fd070L);
        assertThat(new Proof(new ReplayedKernel(host)).prove(foreign).accepted())
                .isFalse();
        assertThat(new Proof(new ReplayedKernel(host), true).prove(foreign).accepted())
                .isTrue();
        HostProfile older = RecordedHosts.profile("linux-6.1-neoverse-n1");
        GuestAbi foreignOlder = withValue(older.defaultGuestAbi(), MIDR, 0x411fd070L);
        assertThat(new Proof(new ReplayedKernel(older), true)
                        .prove(foreignOlder)
                        .accepted())
                .isFalse();
    }

    @Test
    void aVcpuFeatureTheHostLacksIsOneRefusal() {
        HostProfile rich = RecordedHosts.profile("linux-6.18-max");
        HostProfile poor = RecordedHosts.profile("linux-6.18-cortex-a57");
        assertThat(new Proof(new ReplayedKernel(poor))
                        .prove(rich.defaultGuestAbi())
                        .refused())
                .singleElement()
                .satisfies(one -> {
                    assertThat(one.what()).isEqualTo("vCPU features");
                    assertThat(one.outcome()).isEqualTo(Proof.Outcome.EINVAL);
                });
    }

    @Test
    void vectorLengthsThatAreNoPrefixAreRefused() {
        HostProfile host = RecordedHosts.profile("linux-6.18-max");
        GuestAbi own = host.defaultGuestAbi();
        GuestAbi cut = withLengths(own, own.sveVectorLengths().upTo(4));
        GuestAbi odd = withLengths(own, SveVectorLengths.ofWords(0b101));
        assertThat(new Proof(new ReplayedKernel(host)).prove(cut).accepted()).isTrue();
        assertThat(new Proof(new ReplayedKernel(host)).prove(odd).refused())
                .singleElement()
                .satisfies(one -> assertThat(one.outcome()).isEqualTo(Proof.Outcome.EINVAL));
    }

    @Test
    void anOlderVgicRevisionIsTakenANewerRefused() {
        HostProfile host = RecordedHosts.profile("linux-6.12-cortex-a57");
        ReplayedKernel kernel = new ReplayedKernel(host);
        assertThat(new Proof(kernel)
                        .prove(withRevision(host.defaultGuestAbi(), 2))
                        .accepted())
                .isTrue();
        assertThat(new Proof(kernel)
                        .prove(withRevision(host.defaultGuestAbi(), 4))
                        .refused())
                .singleElement()
                .satisfies(one -> assertThat(one.what()).isEqualTo("GICD_IIDR.Revision"));
        assertThat(kernel.openDescriptors()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"EINVAL", "ENOMEM", "EBUSY", "E2BIG"})
    void whateverCallFailsNothingStaysOpen(String errno) {
        HostProfile host = RecordedHosts.profile("linux-6.18-max");
        ReplayedKernel kernel = new ReplayedKernel(host);
        new Proof(kernel).prove(host.defaultGuestAbi());
        int calls = kernel.calls();
        for (int call = 0; call < calls; call++) {
            kernel.failCall(call, Errno.valueOf(errno));
            try {
                Proof.Result result = new Proof(kernel).prove(host.defaultGuestAbi());
                assertThat(result).isNotNull();
            } catch (KvmException | KvmUnavailableException e) {
                assertThat(e.getMessage()).as("call %s", call).isNotBlank();
            }
            assertThat(kernel.openDescriptors()).as("call %s", call).isZero();
        }
        assertThat(calls).isGreaterThan(200);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 5, 9, 20, 50, 100, 300, 500, 1000, 3000, 5000})
    void aProbeThatFailsLeavesNothingOpen(int call) {
        ReplayedKernel kernel = new ReplayedKernel(RecordedHosts.profile("linux-6.12-neoverse-n1"));
        kernel.failCall(call, Errno.ENOMEM);
        try {
            new Probe(kernel).profile();
        } catch (KvmException | KvmUnavailableException e) {
            assertThat(e.getMessage()).isNotBlank();
        }
        assertThat(kernel.openDescriptors()).isZero();
    }

    @Test
    void whyThereIsNoKvm() {
        ReplayedKernel kernel = new ReplayedKernel(RecordedHosts.profile("linux-6.12-neoverse-n1"));
        Map<Errno, KvmState> states = Map.of(
                Errno.ENOENT, KvmState.NoDevice,
                Errno.ENODEV, KvmState.NoDevice,
                Errno.EACCES, KvmState.NoPermission,
                Errno.EPERM, KvmState.NoPermission,
                Errno.EMFILE, KvmState.ProbeFailed);
        states.forEach((errno, state) -> {
            kernel.failCall(0, errno);
            assertThatExceptionOfType(KvmUnavailableException.class)
                    .isThrownBy(() -> new Probe(kernel).profile())
                    .satisfies(e -> assertThat(e.state()).isEqualTo(state));
        });
    }

    private static GuestAbi withValue(GuestAbi abi, RegisterId id, long value) {
        SortedMap<RegisterId, Long> registers = new TreeMap<>(abi.registers());
        registers.put(id, value);
        return GuestAbi.of(
                registers, abi.registerIds(), abi.vcpuFeatures(), abi.sveVectorLengths(), abi.vgicRevision());
    }

    private static GuestAbi withLengths(GuestAbi abi, SveVectorLengths lengths) {
        return GuestAbi.of(abi.registers(), abi.registerIds(), abi.vcpuFeatures(), lengths, abi.vgicRevision());
    }

    private static GuestAbi withRevision(GuestAbi abi, int revision) {
        return GuestAbi.of(
                abi.registers(),
                abi.registerIds(),
                abi.vcpuFeatures(),
                abi.sveVectorLengths(),
                OptionalInt.of(revision));
    }

    private static HostProfile takes(HostProfile host, RegisterId id, int shift, String letters) {
        var registers = new TreeMap<>(host.taken().registers());
        var nibbles = (dev.vmabi.abi.TakenRegister.Nibbles) registers.get(id);
        SortedMap<Integer, String> changed = new TreeMap<>(nibbles.nibbles());
        changed.put(shift, letters);
        registers.put(id, new dev.vmabi.abi.TakenRegister.Nibbles(nibbles.defaultTaken(), changed));
        return new HostProfile(
                host.defaultGuestAbi(),
                dev.vmabi.abi.Taken.measured(registers),
                host.capabilities(),
                host.ipaLimitBits(),
                host.writableMasks());
    }
}
