package dev.vmabi.abi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.TakenRegister.Answer;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Rules of accept, landing and minimum that no recorded migration shows by itself: one change to a recorded host each. */
class AcceptanceTest {

    private static final Vmm QEMU_11 = Vmm.parse("qemu:11.1");
    private static final HostProfile HOST = RecordedHosts.profile("linux-6.18-max");
    private static final GuestAbi GUEST = HOST.defaultGuestAbi();

    private static final RegisterId TCR2_EL1 = RegisterId.parse("0x603000000013c103");
    private static final RegisterId ID_AA64MMFR3_EL1 = RegisterId.parse("0x603000000013c03b");
    private static final RegisterId ID_AA64ISAR0_EL1 = RegisterId.parse("0x603000000013c030");
    private static final RegisterId ID_AA64DFR0_EL1 = RegisterId.parse("0x603000000013c028");
    /** TCRX, bits 3:0. */
    private static final long TCRX = 1;
    /** A system register that no kernel has; it sorts between those that all have and the hypercall bitmaps. */
    private static final RegisterId UNHEARD_OF = RegisterId.parse("0x603000000013dfff");

    @Test
    void theIdsHereAreTheOnesTheyAreCalled() {
        assertThat(List.of(TCR2_EL1, ID_AA64MMFR3_EL1, ID_AA64ISAR0_EL1, ID_AA64DFR0_EL1))
                .extracting(RegisterId::name)
                .containsExactly("TCR2_EL1", "ID_AA64MMFR3_EL1", "ID_AA64ISAR0_EL1", "ID_AA64DFR0_EL1");
    }

    @Test
    void aVgicNewerThanTheHostsIsRefused() {
        HostProfile second = host(withVgic(GUEST, 2));
        assertThat(refusals(second.accepts(withVgic(GUEST, 3), Vmm.GENERIC)))
                .singleElement()
                .isInstanceOf(Refusal.VgicRevisionAbove.class);
        HostProfile third = host(withVgic(GUEST, 3));
        assertThat(third.accepts(withVgic(GUEST, 2), Vmm.GENERIC).accepted()).isTrue();
        assertThat(third.land(withVgic(GUEST, 2), Vmm.GENERIC).vgicRevision()).hasValue(2);
        Minimum.Common common = (Minimum.Common) Minimum.of(List.of(third, second), Vmm.GENERIC, Exclusions.NONE);
        assertThat(common.abi().vgicRevision()).hasValue(2);
    }

    @Test
    void aRegisterThatTheGuestsOwnIdRegistersHideIsRefused() {
        GuestAbi shown = listing(withValue(GUEST, ID_AA64MMFR3_EL1, TCRX), TCR2_EL1);
        HostProfile host = taking(shown, ID_AA64MMFR3_EL1, Map.of(0, "AAEEEEEEEEEEEEEE"));
        GuestAbi hidden = withValue(shown, ID_AA64MMFR3_EL1, 0);
        assertThat(refusals(host.accepts(hidden, Vmm.GENERIC)))
                .singleElement()
                .satisfies(refusal -> assertThat(refusal.message()).contains("TCR2_EL1", "ID_AA64MMFR3_EL1.TCRX"));

        Exclusions without = new Exclusions(Set.of("FEAT_TCR2"));
        Minimum.Common common = (Minimum.Common) Minimum.of(List.of(host), Vmm.GENERIC, without);
        assertThat(common.abi().lists(TCR2_EL1)).isFalse();
        assertThat(host.land(common.abi(), Vmm.GENERIC).lists(TCR2_EL1)).isFalse();
    }

    @Test
    void aLandingKeepsWhatTheGuestHad() {
        long less = GUEST.value(ID_AA64ISAR0_EL1) & ~(15L << 20);
        GuestAbi lesser = withValue(GUEST, ID_AA64ISAR0_EL1, less);
        assertThat(GUEST.features()).contains("FEAT_LSE");
        GuestAbi landed = HOST.land(lesser, QEMU_11);
        assertThat(landed.value(ID_AA64ISAR0_EL1)).isEqualTo(less);
        assertThat(landed.features()).doesNotContain("FEAT_LSE");
    }

    @Test
    void aValueThatReadsOtherwiseClosesTheWayBack() {
        HostProfile older = RecordedHosts.profile("linux-6.12-cortex-a57");
        GuestAbi own = older.defaultGuestAbi();
        GuestAbi noPmu = withValue(own, ID_AA64DFR0_EL1, own.value(ID_AA64DFR0_EL1) | 0xF00L);
        assertThat(older.land(noPmu, QEMU_11).value(ID_AA64DFR0_EL1)).isEqualTo(own.value(ID_AA64DFR0_EL1) & ~0xF00L);
        Verdict verdict = older.accepts(noPmu, QEMU_11);
        assertThat(verdict).isInstanceOf(Verdict.OneWay.class);
        Verdict.OneWay oneWay = (Verdict.OneWay) verdict;
        assertThat(oneWay.additions()).extracting(Addition::field).containsExactly("PMUVer");
        assertThat(oneWay.wayBack()).extracting(Refusal::field).containsExactly("PMUVer");
    }

    @Test
    void qemu11LooksAtTheLastUnknownRegisterOnly() {
        GuestAbi unknown = listing(withValue(GUEST, RegisterId.VENDOR_HYP_BMAP_2, 0), UNHEARD_OF);
        HostProfile without = host(dropping(GUEST, RegisterId.VENDOR_HYP_BMAP_2));
        assertThat(without.accepts(unknown, QEMU_11).accepted()).isTrue();
        assertThat(without.accepts(dropping(unknown, RegisterId.VENDOR_HYP_BMAP_2), QEMU_11)
                        .accepted())
                .isFalse();
        GuestAbi used = withValue(unknown, RegisterId.VENDOR_HYP_BMAP_2, 1);
        assertThat(without.accepts(used, QEMU_11).accepted()).isFalse();
        assertThat(without.accepts(unknown, Vmm.GENERIC).accepted()).isFalse();
    }

    @Test
    void whoHoldsAFieldDownIsNamedWithWhatTheOthersWouldHave() {
        long less = GUEST.value(ID_AA64ISAR0_EL1) & ~(15L << 20);
        HostProfile lesser =
                taking(withValue(GUEST, ID_AA64ISAR0_EL1, less), ID_AA64ISAR0_EL1, Map.of(20, "AEEEEEEEEEEEEEEE"));
        Minimum.Common common = (Minimum.Common) Minimum.of(List.of(HOST, lesser), QEMU_11, Exclusions.NONE);
        assertThat(common.holdsDown()).singleElement().satisfies(held -> {
            assertThat(held.profile()).isEqualTo(lesser.digest());
            assertThat(held.field()).isEqualTo("ATOMIC");
            assertThat(held.valueHeld()).isEqualTo("0x0");
            assertThat(held.valueOtherwise()).isEqualTo("0x2");
            assertThat(held.gainedFeatures()).containsExactly("FEAT_LSE");
        });
    }

    @Test
    void theDigestOfAHostTellsAllThatShapesAGuest() {
        SortedMap<Integer, Long> capabilities = new TreeMap<>(HOST.capabilities());
        capabilities.merge(239, 1L, (old, one) -> old == 0 ? 1L : 0L);
        SortedMap<RegisterId, Long> masks = new TreeMap<>(HOST.writableMasks());
        masks.merge(ID_AA64ISAR0_EL1, 1L, (old, one) -> old ^ 1);
        SortedMap<RegisterId, TakenRegister> answers =
                new TreeMap<>(HOST.taken().registers());
        answers.put(RegisterId.PSCI_VERSION, TakenRegister.Values.of(Map.of(0x10001L, Answer.TAKEN)));
        int ipa = HOST.ipaLimitBits();
        assertThat(List.of(
                        HOST,
                        new HostProfile(GUEST, HOST.taken(), capabilities, ipa, HOST.writableMasks()),
                        new HostProfile(GUEST, HOST.taken(), HOST.capabilities(), ipa, masks),
                        new HostProfile(GUEST, HOST.taken(), HOST.capabilities(), ipa - 1, HOST.writableMasks()),
                        new HostProfile(GUEST, Taken.measured(answers), HOST.capabilities(), ipa, HOST.writableMasks()),
                        new HostProfile(GUEST, Taken.UNMEASURED, HOST.capabilities(), ipa, HOST.writableMasks())))
                .extracting(HostProfile::digest)
                .doesNotHaveDuplicates();
    }

    private static List<Refusal> refusals(Verdict verdict) {
        assertThat(verdict).isInstanceOf(Verdict.Refused.class);
        return ((Verdict.Refused) verdict).refusals();
    }

    private static HostProfile host(GuestAbi abi) {
        return new HostProfile(abi, HOST.taken(), HOST.capabilities(), HOST.ipaLimitBits(), HOST.writableMasks());
    }

    /** A host that shows {@code abi} and takes of one register only what is given, by the shift of its nibbles. */
    private static HostProfile taking(GuestAbi abi, RegisterId register, Map<Integer, String> nibbles) {
        SortedMap<RegisterId, TakenRegister> answers =
                new TreeMap<>(HOST.taken().registers());
        answers.put(register, new TakenRegister.Nibbles(true, new TreeMap<>(nibbles)));
        return new HostProfile(
                abi, Taken.measured(answers), HOST.capabilities(), HOST.ipaLimitBits(), HOST.writableMasks());
    }

    private static GuestAbi withValue(GuestAbi abi, RegisterId register, long value) {
        Map<RegisterId, Long> values = new TreeMap<>(abi.registers());
        values.put(register, value);
        return like(abi, values, abi.registerIds());
    }

    private static GuestAbi listing(GuestAbi abi, RegisterId register) {
        SortedSet<RegisterId> listed = new TreeSet<>(abi.registerIds());
        listed.add(register);
        return like(abi, abi.registers(), listed);
    }

    private static GuestAbi dropping(GuestAbi abi, RegisterId register) {
        SortedSet<RegisterId> listed = new TreeSet<>(abi.registerIds());
        listed.remove(register);
        Map<RegisterId, Long> values = new TreeMap<>(abi.registers());
        values.remove(register);
        return like(abi, values, listed);
    }

    private static GuestAbi withVgic(GuestAbi abi, int revision) {
        return GuestAbi.of(
                abi.registers(),
                abi.registerIds(),
                abi.vcpuFeatures(),
                abi.sveVectorLengths(),
                OptionalInt.of(revision));
    }

    private static GuestAbi like(GuestAbi abi, Map<RegisterId, Long> values, Collection<RegisterId> listed) {
        return GuestAbi.of(values, listed, abi.vcpuFeatures(), abi.sveVectorLengths(), abi.vgicRevision());
    }
}
