package dev.vmabi.abi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CatalogueTest {

    private final Catalogue catalogue = Catalogue.get();

    @Test
    void holdsEveryFieldOfTheFeatureIdSpace() {
        long fields = Resource.rows("catalogue.tsv").stream()
                .filter(row -> row[0].equals("field"))
                .count();
        assertThat(fields).isEqualTo(439);
        assertThat(catalogue.knownFeatures().stream().filter(name -> name.startsWith("FEAT_")))
                .hasSizeGreaterThanOrEqualTo(100);
        assertThat(catalogue.knownFeatures())
                .contains("std.TRNG", "stdHyp.PV_TIME", "vendorHyp.PTP", "vendorHyp.DISCOVER_IMPL_CPUS");
    }

    @Test
    void fieldsOfARegisterDoNotOverlap() {
        Set<Long> seen = new HashSet<>();
        for (String[] row : Resource.rows("catalogue.tsv")) {
            if (row[0].equals("field")) {
                RegisterId id = catalogue.registerByName(row[1]).orElseThrow();
                if (seen.add(id.encoding())) {
                    long covered = 0;
                    for (Field field : catalogue.fields(id)) {
                        long bits = field.insert(0, -1);
                        assertThat(covered & bits).as(field.qualifiedName()).isZero();
                        covered |= bits;
                    }
                }
            }
        }
        assertThat(seen).hasSizeGreaterThan(45);
    }

    @Test
    void namesAreArms() {
        assertThat(RegisterId.sysreg(3, 0, 0, 4, 0).name()).isEqualTo("ID_AA64PFR0_EL1");
        assertThat(RegisterId.parse("0x603000000013df02").name()).isEqualTo("CNTV_CVAL_EL0");
        assertThat(RegisterId.parse("0x6020000000110003").name()).isEqualTo("CCSIDR_EL1[3]");
        assertThat(RegisterId.sysreg(3, 0, 0, 7, 7).name()).isEqualTo("S3_0_C0_C7_7");
        assertThat(RegisterId.parse("0x6030000000990001").name()).isEqualTo("0x6030000000990001");
        assertThat(catalogue.fields(RegisterId.sysreg(3, 0, 0, 4, 0)).getFirst().qualifiedName())
                .isEqualTo("ID_AA64PFR0_EL1.CSV3");
    }

    @Test
    void aGuestShowsItsFeatures() {
        assertThat(RecordedHosts.profile("linux-6.12-cortex-a57")
                        .defaultGuestAbi()
                        .features())
                .contains("FEAT_FP", "FEAT_AES", "FEAT_PMULL", "FEAT_CRC32", "FEAT_PMUv3", "std.TRNG", "vendorHyp.PTP")
                .doesNotContain("FEAT_LSE", "FEAT_SVE", "FEAT_PAuth", "FEAT_DotProd", "FEAT_LPA2");
        assertThat(RecordedHosts.profile("linux-6.18-max").defaultGuestAbi().features())
                .contains("FEAT_SVE2", "FEAT_PAuth", "FEAT_LSE", "FEAT_PMUv3p5", "FEAT_HCX", "FEAT_BTI");
    }

    @Test
    void anUnknownFeatureIsRefusedWithTheNearest() {
        assertThat(catalogue.nearest("FEAT_SVE_2")).contains("FEAT_SVE2");
        assertThatThrownBy(() -> new Exclusions(Set.of("FEAT_LSR")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("FEAT_LSR")
                .hasMessageContaining("FEAT_LSE");
    }

    @Test
    void signedFieldsCompareSigned() {
        Field doubleLock = catalogue.fields(RegisterId.sysreg(3, 0, 0, 5, 0)).stream()
                .filter(f -> f.name().equals("DoubleLock"))
                .findFirst()
                .orElseThrow();
        assertThat(doubleLock.notAbove(15, 0)).isTrue();
        assertThat(doubleLock.notAbove(0, 15)).isFalse();
        assertThat(doubleLock.comparable(15L << 36)).isEqualTo(-1);
    }

    @Test
    void unknownRegistersAreKeptAndComparedExactly() {
        RegisterId unknown = RegisterId.parse("0x6030000000990001");
        GuestAbi base = RecordedHosts.profile("linux-6.18-cortex-a76").defaultGuestAbi();
        GuestAbi one = with(base, unknown, 1);
        GuestAbi two = with(base, unknown, 2);
        assertThat(one.registers()).containsEntry(unknown, 1L);
        HostProfile host = profile(two);
        assertThat(host.accepts(one, Vmm.GENERIC).accepted()).isFalse();
        assertThat(host.accepts(two, Vmm.GENERIC).accepted()).isTrue();
        assertThat(((Verdict.Refused) host.accepts(one, Vmm.GENERIC)).refusals())
                .anyMatch(r -> r.register().equals(unknown.hex()));
    }

    private static HostProfile profile(GuestAbi abi) {
        HostProfile base = RecordedHosts.profile("linux-6.18-cortex-a76");
        return new HostProfile(abi, base.taken(), base.capabilities(), base.ipaLimitBits(), base.writableMasks());
    }

    private static GuestAbi with(GuestAbi base, RegisterId id, long value) {
        java.util.Map<RegisterId, Long> values = new java.util.TreeMap<>(base.registers());
        values.put(id, value);
        return GuestAbi.of(
                values, base.registerIds(), base.vcpuFeatures(), base.sveVectorLengths(), base.vgicRevision());
    }

    @Test
    void vmmNamesAndVersions() {
        assertThat(List.of("qemu:10.0", "qemu:11.1.3", "firecracker", "generic", "cloud-hypervisor"))
                .allSatisfy(text -> assertThat(Vmm.parse(text)).isNotNull());
        assertThat(Vmm.parse("QEMU:10.0.13")).isEqualTo(Vmm.parse("qemu:10.0"));
        assertThatThrownBy(() -> Vmm.parse("xen")).hasMessageContaining("xen").hasMessageContaining("qemu");
        assertThatThrownBy(() -> Vmm.parse("qemu:new")).hasMessageContaining("new");
    }

    @Test
    void clampsReadAndPrintAlike() {
        String text = "psci=1.1,sve=off,pauth=off,pmu=off,sve-max-vq=4,steal-time=off";
        assertThat(Clamp.parse(text)).hasToString(text);
        assertThat(Clamp.parse("")).isEqualTo(Clamp.NONE);
        assertThatThrownBy(() -> Clamp.parse("sve=on")).hasMessageContaining("sve=on");
        assertThatThrownBy(() -> Clamp.parse("sve=off,sve=off")).hasMessageContaining("twice");
        assertThatThrownBy(() -> Clamp.parse("sve-max-vq=99")).hasMessageContaining("1 to 16");
    }
}
