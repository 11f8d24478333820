package dev.vmabi.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.kvm.RecordedHosts;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What the lab expects a kernel's proof to say. */
class LabProofsTest {

    private static final RegisterId PMCR_EL0 = RegisterId.parse("0x603000000013dce0");

    private static final HostProfile HOST = RecordedHosts.profile("linux-6.12-cortex-a57");

    /** Linux 6.12 takes such a write and goes on showing its own number; 6.1 shows what was written. */
    @Test
    void morePmuCountersThanTheHostsAreProvedByOlderKernelsAlone() {
        assertThat(Lab.valuesTaken(HOST, withCounters(HOST, 16))).isFalse();
        assertThat(Lab.valuesTaken(HOST, withCounters(HOST, 6))).isTrue();
        assertThat(Lab.valuesTaken(HOST, withCounters(HOST, 4))).isTrue();
        HostProfile older = RecordedHosts.profile("linux-6.1-cortex-a57");
        assertThat(Lab.valuesTaken(older, withCounters(older, 16))).isTrue();
    }

    @Test
    void whatTheHostDoesNotListIsNoMatterOfValues() {
        GuestAbi newer = RecordedHosts.profile("linux-7.3-cortex-a57").defaultGuestAbi();
        GuestAbi older = RecordedHosts.profile("linux-6.1-cortex-a57").defaultGuestAbi();
        assertThat(newer.registerIds()).isNotEqualTo(HOST.defaultGuestAbi().registerIds());
        assertThat(Lab.valuesTaken(HOST, HOST.defaultGuestAbi())).isTrue();
        assertThat(Lab.valuesTaken(HOST, older)).isTrue();
        assertThat(Lab.valuesTaken(HOST, newer)).isFalse(); // a newer PSCI version
    }

    private static GuestAbi withCounters(HostProfile host, long number) {
        GuestAbi own = host.defaultGuestAbi();
        SortedMap<RegisterId, Long> registers = new TreeMap<>(own.registers());
        registers.put(PMCR_EL0, number << 11);
        return GuestAbi.of(
                registers, own.registerIds(), own.vcpuFeatures(), own.sveVectorLengths(), own.vgicRevision());
    }
}
