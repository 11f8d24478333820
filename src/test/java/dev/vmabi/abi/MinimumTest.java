package dev.vmabi.abi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The minimum on the recorded hosts. */
class MinimumTest {

    private static final Vmm QEMU_10 = Vmm.parse("qemu:10.0");
    private static final Vmm QEMU_11 = Vmm.parse("qemu:11.1");

    private static final RegisterId ID_AA64PFR0_EL1 = RegisterId.sysreg(3, 0, 0, 4, 0);
    private static final Field CSV2 = Catalogue.get().fields(ID_AA64PFR0_EL1).stream()
            .filter(field -> field.name().endsWith("CSV2"))
            .findFirst()
            .orElseThrow();

    private static List<HostProfile> hosts(String... names) {
        return List.of(names).stream().map(RecordedHosts::profile).toList();
    }

    @Test
    void likeKernelsOnLikeCpusShareTheirMinimum() {
        List<HostProfile> hosts = hosts("linux-6.12-cortex-a76", "linux-6.18-cortex-a76");
        Minimum.Common common = (Minimum.Common) Minimum.of(hosts, QEMU_11, Exclusions.NONE);
        assertThat(common.clamp()).hasToString("psci=1.1");
        assertThat(common.abi().value(RegisterId.PSCI_VERSION)).isEqualTo(0x10001);
        assertThat(common.abi().registerIds()).doesNotContain(RegisterId.VENDOR_HYP_BMAP_2);
        for (HostProfile host : hosts) {
            assertThat(host.accepts(common.abi(), QEMU_11, common.clamp()).accepted())
                    .isTrue();
        }
    }

    @Test
    void differentCpusHaveNone() {
        List<HostProfile> hosts = hosts("linux-6.12-cortex-a57", "linux-6.12-cortex-a76");
        Minimum.None none = (Minimum.None) Minimum.of(hosts, QEMU_10, Exclusions.NONE);
        assertThat(none.classes()).hasSize(2);
        assertThat(none.edges()).hasSize(2).noneMatch(Edge::accepted);
        assertThat(none.reasons()).anyMatch(Refusal.ImplementationIdDiffers.class::isInstance);
    }

    @Test
    void aGenericVmmWritesTheImplementationIdWhereKernelsCan() {
        List<HostProfile> old = hosts("linux-6.12-cortex-a57", "linux-6.12-cortex-a76");
        assertThat(Minimum.of(old, Vmm.GENERIC, Exclusions.NONE)).isInstanceOf(Minimum.None.class);
    }

    /**
     * Measured on Linux 7.3 between cortex-a53 and cortex-a57: a kernel that is not vulnerable takes level 0 of a workaround
     * and still says "not required", so no guest is born there that the vulnerable one takes.
     */
    @Test
    void aWorkaroundThatOneKernelCannotShowAsTheOtherHasNoMinimum() {
        HostProfile safe = RecordedHosts.profile("linux-6.18-cortex-a76");
        HostProfile vulnerable = new HostProfile(
                safe.defaultGuestAbi().with(RegisterId.WORKAROUND_1.encoding(), 0),
                Taken.UNMEASURED,
                safe.capabilities(),
                safe.ipaLimitBits(),
                safe.writableMasks());
        assertThat(safe.accepts(vulnerable.defaultGuestAbi(), QEMU_11).accepted())
                .isTrue();
        assertThat(vulnerable.accepts(safe.defaultGuestAbi(), QEMU_11).accepted())
                .isFalse();
        for (Vmm vmm : List.of(QEMU_11, Vmm.GENERIC)) {
            Minimum minimum = Minimum.of(List.of(safe, vulnerable), vmm, Exclusions.NONE);
            assertThat(minimum)
                    .isInstanceOfSatisfying(
                            Minimum.None.class,
                            none -> assertThat(none.reasons())
                                    .extracting(Refusal::message)
                                    .anyMatch(reason -> reason.contains("SMCCC_ARCH_WORKAROUND_1")));
        }
    }

    /** One host's kernel takes a value of CSV2 that it does not show, another knows no other: no guest is born with it. */
    @Test
    void aFieldThatOneKernelTakesAndDoesNotShowHasNoMinimum() {
        HostProfile lesser = csv2(0, "AAEEEEEEEEEEEEEE");
        HostProfile fixed = csv2(1, "EAEEEEEEEEEEEEEE");
        assertThat(Minimum.of(List.of(lesser, fixed), QEMU_11, Exclusions.NONE))
                .isInstanceOfSatisfying(
                        Minimum.None.class,
                        none -> assertThat(none.reasons())
                                .extracting(Refusal::message)
                                .anyMatch(reason -> reason.contains("ID_AA64PFR0_EL1.CSV2")));
        assertThat(Minimum.of(List.of(lesser, csv2(1, "AAEEEEEEEEEEEEEE")), QEMU_11, Exclusions.NONE))
                .isInstanceOfSatisfying(
                        Minimum.Common.class,
                        common -> assertThat(CSV2.raw(common.abi().value(ID_AA64PFR0_EL1)))
                                .isZero());
    }

    private static HostProfile csv2(long shown, String letters) {
        HostProfile base = RecordedHosts.profile("linux-6.18-cortex-a76");
        SortedMap<RegisterId, TakenRegister> taken = new TreeMap<>(base.taken().registers());
        SortedMap<Integer, String> nibbles =
                new TreeMap<>(((TakenRegister.Nibbles) taken.get(ID_AA64PFR0_EL1)).nibbles());
        nibbles.put(CSV2.shift(), letters);
        taken.put(ID_AA64PFR0_EL1, new TakenRegister.Nibbles(true, nibbles));
        GuestAbi abi = base.defaultGuestAbi();
        return new HostProfile(
                abi.with(ID_AA64PFR0_EL1.encoding(), CSV2.insert(abi.value(ID_AA64PFR0_EL1), shown)),
                Taken.measured(taken),
                base.capabilities(),
                base.ipaLimitBits(),
                base.writableMasks());
    }

    @Test
    void exclusionsLowerIt() {
        List<HostProfile> hosts = hosts("linux-6.18-max");
        Exclusions exclusions = new Exclusions(Set.of("FEAT_SVE2", "FEAT_PAuth", "vendorHyp.PTP"));
        Minimum.Common common = (Minimum.Common) Minimum.of(hosts, QEMU_11, exclusions);
        assertThat(common.abi().features())
                .contains("FEAT_SVE", "FEAT_LSE")
                .doesNotContain("FEAT_SVE2", "FEAT_PAuth", "vendorHyp.PTP");
        assertThat(common.clamp()).hasToString("pauth=off");
    }

    @Test
    void holdersAreNamed() {
        HostProfile older = RecordedHosts.profile("linux-6.12-max");
        List<HostProfile> hosts = List.of(older, RecordedHosts.profile("linux-6.18-max"));
        Minimum.Common common = (Minimum.Common) Minimum.of(hosts, QEMU_11, Exclusions.NONE);
        assertThat(common.holdsDown())
                .allMatch(held -> held.profile().equals(older.digest()))
                .extracting(HoldsDown::register)
                .containsExactly(RegisterId.PSCI_VERSION, RegisterId.VENDOR_HYP_BMAP_2);
        assertThat(Minimum.gainWithout(hosts, older, QEMU_11, Exclusions.NONE))
                .anyMatch(gain ->
                        gain.register().equals("PSCI_VERSION") && gain.after().equals("0x10003"));
    }

    @Test
    void anEmptySetIsRefused() {
        assertThatThrownBy(() -> Minimum.of(List.of(), QEMU_10, Exclusions.NONE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no hosts");
    }
}
