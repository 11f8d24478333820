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
    private static final RegisterId MIDR_EL1 = RegisterId.parse("0x603000000013c000");
    private static final RegisterId PMCR_EL0 = RegisterId.parse("0x603000000013dce0");
    private static final RegisterId CTR_EL0 = RegisterId.parse("0x603000000013d801");
    private static final RegisterId CLIDR_EL1 = RegisterId.parse("0x603000000013c801");
    private static final RegisterId CCSIDR_0 = RegisterId.parse("0x6020000000110000");
    /** TCRX, bits 3:0. */
    private static final long TCRX = 1;
    /** A system register that no kernel has; it sorts between those that all have and the hypercall bitmaps. */
    private static final RegisterId UNHEARD_OF = RegisterId.parse("0x603000000013dfff");

    @Test
    void theIdsHereAreTheOnesTheyAreCalled() {
        assertThat(List.of(
                        TCR2_EL1,
                        ID_AA64MMFR3_EL1,
                        ID_AA64ISAR0_EL1,
                        ID_AA64DFR0_EL1,
                        MIDR_EL1,
                        PMCR_EL0,
                        CTR_EL0,
                        CLIDR_EL1,
                        CCSIDR_0))
                .extracting(RegisterId::name)
                .containsExactly(
                        "TCR2_EL1",
                        "ID_AA64MMFR3_EL1",
                        "ID_AA64ISAR0_EL1",
                        "ID_AA64DFR0_EL1",
                        "MIDR_EL1",
                        "PMCR_EL0",
                        "CTR_EL0",
                        "CLIDR_EL1",
                        "CCSIDR_EL1[0]");
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

    /** As Linux 6.18.15, which answers such a write with success and keeps 3. */
    @Test
    void aVgicRevisionThatTheKernelDoesNotLowerIsRefused() {
        HostProfile second = host(withVgic(GUEST, 2));
        HostProfile fixed = new HostProfile(
                withVgic(GUEST, 3),
                Taken.measured(HOST.taken().registers(), OptionalInt.of(3)),
                HOST.capabilities(),
                HOST.ipaLimitBits(),
                HOST.writableMasks());
        assertThat(refusals(fixed.accepts(withVgic(GUEST, 2), Vmm.GENERIC)))
                .singleElement()
                .isInstanceOf(Refusal.FieldFixed.class);
        assertThat(Minimum.of(List.of(fixed, second), Vmm.GENERIC, Exclusions.NONE))
                .isInstanceOfSatisfying(
                        Minimum.None.class,
                        none -> assertThat(none.reasons())
                                .extracting(Refusal::message)
                                .anyMatch(reason -> reason.startsWith("GICD_IIDR.Revision: field fixed")));
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
    void aPinIsAboveNoHostsDefaultThoughTheKernelTakesMore() {
        long less = GUEST.value(ID_AA64ISAR0_EL1) & ~(15L << 20);
        HostProfile modest =
                taking(withValue(GUEST, ID_AA64ISAR0_EL1, less), ID_AA64ISAR0_EL1, Map.of(20, "AAAEEEEEEEEEEEEE"));
        assertThat(common(Vmm.GENERIC, modest).abi().value(ID_AA64ISAR0_EL1)).isEqualTo(less);
        HostProfile old = host(withValue(GUEST, RegisterId.PSCI_VERSION, 0x10001));
        assertThat(common(Vmm.GENERIC, old).abi().value(RegisterId.PSCI_VERSION))
                .isEqualTo(0x10001);
    }

    @Test
    void aMeetTakesWhatBothTake() {
        Offer one =
                taking(GUEST, ID_AA64ISAR0_EL1, Map.of(20, "ASAEEEEEEEEEEEEE")).offer();
        Offer other =
                taking(GUEST, ID_AA64ISAR0_EL1, Map.of(20, "EAAEEEEEEEEEEEEE")).offer();
        int i = Ids.indexOf(one.ids(), ID_AA64ISAR0_EL1.encoding());
        assertThat(one.meet(other).takenSet(i, 5)).isEqualTo(0b110);
        assertThat(other.meet(one).takenSet(i, 5)).isEqualTo(0b110);
        assertThat(one.meet(other).faithfulSet(i, 5)).isEqualTo(0b100);
    }

    @Test
    void cacheGeometryAndLevelsFollowTheLineAndCleaningThatTheHostNeeds() {
        HostProfile a57 = RecordedHosts.profile("linux-6.18-cortex-a57");
        GuestAbi own = a57.defaultGuestAbi();
        long ctr = own.value(CTR_EL0);
        assertThat((ctr >>> 16) & 15).as("CTR_EL0.DminLine, log2 of words").isEqualTo(4);
        assertThat((ctr >>> 28) & 1).as("CTR_EL0.IDC").isZero();
        assertThat(a57.accepts(withValue(own, CCSIDR_0, 3), QEMU_11).accepted()).isTrue();
        assertThat(a57.accepts(withValue(own, CCSIDR_0, 1), QEMU_11).accepted())
                .as("a line shorter than the host's")
                .isFalse();
        long clidr = own.value(CLIDR_EL1);
        assertThat(a57.accepts(withValue(own, CLIDR_EL1, clidr & ~(7L << 24)), QEMU_11)
                        .accepted())
                .as("LoC 0 says that nothing needs cleaning")
                .isFalse();
        long withoutUnification = clidr & ~(7L << 21) & ~(7L << 27);
        assertThat(a57.accepts(withValue(own, CLIDR_EL1, withoutUnification), QEMU_11)
                        .accepted())
                .as("LoUU and LoUIS 0 say so too")
                .isFalse();
        HostProfile inconsistent = new HostProfile(
                withValue(own, CLIDR_EL1, withoutUnification),
                a57.taken(),
                a57.capabilities(),
                a57.ipaLimitBits(),
                a57.writableMasks());
        assertThat(inconsistent.accepts(inconsistent.defaultGuestAbi(), QEMU_11).accepted())
                .as("what a host shows it also takes")
                .isTrue();
    }

    @Test
    void aClampTakesAwayAllThatBelongsToAFeature() {
        GuestAbi noPauth = HOST.birth(Clamp.parse("pauth=off"));
        assertThat(noPauth.vcpuFeatures())
                .doesNotContain(VcpuFeature.PTRAUTH_ADDRESS, VcpuFeature.PTRAUTH_GENERIC)
                .contains(VcpuFeature.SVE);
        assertThat(noPauth.features()).doesNotContain("FEAT_PAuth");
        GuestAbi noSve = HOST.birth(Clamp.parse("sve=off"));
        assertThat(noSve.sveVectorLengths().isEmpty()).isTrue();
        assertThat(noSve.registerIds().stream().filter(id -> id.kind() == RegisterKind.CORE && id.size() == 16))
                .as("V0 to V31, which SVE's Z registers stood for")
                .hasSize(32);
        assertThat(HOST.birth(Clamp.parse("sve-max-vq=4")).sveVectorLengths()).hasToString("128,256,384,512");
        assertThat(HOST.accepts(GUEST, Vmm.parse("qemu:11.1"), Clamp.parse("psci=1.1"))
                        .accepted())
                .as("a clamped host still takes its own PSCI version")
                .isTrue();
    }

    /** As a second reader saw it on Linux 5.10 and 6.1: 77 registers, and what the ID registers say. */
    @Test
    void theRegistersOfAPmuStayListedWithoutItOnOldKernels() {
        Clamp clamp = Clamp.parse("pmu=off");
        for (String cpu : List.of("cortex-a57", "max")) {
            HostProfile old = dev.vmabi.kvm.RecordedHosts.profile("linux-5.10-" + cpu);
            GuestAbi without = old.birth(clamp);
            assertThat(without.vcpuFeatures()).doesNotContain(VcpuFeature.PMU_V3);
            assertThat(without.registers()).isEqualTo(old.defaultGuestAbi().registers());
            assertThat(without.registerIds()).isEqualTo(old.defaultGuestAbi().registerIds());
            HostProfile later = dev.vmabi.kvm.RecordedHosts.profile("linux-6.1-" + cpu);
            assertThat(later.birth(clamp).registerIds())
                    .hasSizeLessThan(later.defaultGuestAbi().registerIds().size() - 70);
        }
    }

    @Test
    void theMinimumOfUnlikeVectorLengthsIsClamped() {
        HostProfile shorter = host(HOST.birth(Clamp.parse("sve-max-vq=4")));
        Minimum.Common common = common(QEMU_11, HOST, shorter);
        assertThat(common.clamp()).hasToString("sve-max-vq=4");
        assertThat(common.abi().sveVectorLengths()).hasToString("128,256,384,512");
    }

    @Test
    void onlyAVmmThatWritesTheImplementationIdMakesUnlikeCpusAlike() {
        GuestAbi other = withValue(GUEST, MIDR_EL1, 0x411fd070L);
        HostProfile one = withCapability239(GUEST, 1);
        HostProfile two = withCapability239(other, 1);
        HostProfile fixed = withCapability239(other, 0);
        GuestAbi either = common(Vmm.GENERIC, one, two).abi();
        assertThat(either.value(MIDR_EL1)).isIn(0xf0510L, 0x411fd070L);
        assertThat(one.land(either, Vmm.GENERIC).value(MIDR_EL1)).isEqualTo(either.value(MIDR_EL1));
        assertThat(common(Vmm.GENERIC, one, fixed).abi().value(MIDR_EL1))
                .as("that of the host which cannot write it")
                .isEqualTo(0x411fd070L);
        assertThat(Minimum.of(List.of(one, two), QEMU_11, Exclusions.NONE)).isInstanceOf(Minimum.None.class);
        assertThat(Minimum.of(List.of(fixed, withCapability239(GUEST, 0)), Vmm.GENERIC, Exclusions.NONE))
                .isInstanceOf(Minimum.None.class);
    }

    @Test
    void anEdgeSaysThatItIsOneWay() {
        List<HostProfile> hosts =
                List.of(RecordedHosts.profile("linux-6.1-cortex-a76"), RecordedHosts.profile("linux-6.12-cortex-a76"));
        assertThat(Classes.of(hosts, QEMU_11).edges())
                .filteredOn(Edge::accepted)
                .singleElement()
                .satisfies(edge -> assertThat(edge.oneWay()).isTrue());
    }

    @Test
    void aGuestWithMorePmuCountersThanTheHostReadsTheHosts() {
        long own = GUEST.value(PMCR_EL0);
        GuestAbi more = withValue(GUEST, PMCR_EL0, own + (1L << 11));
        assertThat(HOST.accepts(more, QEMU_11).accepted()).isTrue();
        assertThat(HOST.land(more, QEMU_11).value(PMCR_EL0)).isEqualTo(own);
        GuestAbi fewer = withValue(GUEST, PMCR_EL0, own - (1L << 11));
        assertThat(HOST.land(fewer, QEMU_11).value(PMCR_EL0)).isEqualTo(own - (1L << 11));
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
                        new HostProfile(
                                GUEST,
                                Taken.measured(HOST.taken().registers(), OptionalInt.of(2)),
                                HOST.capabilities(),
                                ipa,
                                HOST.writableMasks()),
                        new HostProfile(GUEST, Taken.UNMEASURED, HOST.capabilities(), ipa, HOST.writableMasks())))
                .extracting(HostProfile::digest)
                .doesNotHaveDuplicates();
    }

    private static Minimum.Common common(Vmm vmm, HostProfile... hosts) {
        return (Minimum.Common) Minimum.of(List.of(hosts), vmm, Exclusions.NONE);
    }

    private static List<Refusal> refusals(Verdict verdict) {
        assertThat(verdict).isInstanceOf(Verdict.Refused.class);
        return ((Verdict.Refused) verdict).refusals();
    }

    private static HostProfile host(GuestAbi abi) {
        return new HostProfile(abi, HOST.taken(), HOST.capabilities(), HOST.ipaLimitBits(), HOST.writableMasks());
    }

    private static HostProfile withCapability239(GuestAbi abi, long value) {
        SortedMap<Integer, Long> capabilities = new TreeMap<>(HOST.capabilities());
        capabilities.put(239, value);
        return new HostProfile(abi, HOST.taken(), capabilities, HOST.ipaLimitBits(), HOST.writableMasks());
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
