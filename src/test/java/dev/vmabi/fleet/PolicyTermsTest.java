package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.Vmm;
import dev.vmabi.api.VirtualMachineABISpec.VmmName;
import io.fabric8.kubernetes.api.model.LabelSelector;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class PolicyTermsTest {
    private static final PolicySpec GOOD = PolicySpec.of("a");

    static Stream<Arguments> bad() {
        return Stream.of(
                Arguments.of(
                        GOOD.nodes(new LabelSelector()),
                        "spec.nodeSelector is empty; select the pool by a label, for example kubernetes.io/arch: arm64"),
                Arguments.of(
                        GOOD.require("FEAT_SVE9"),
                        "spec.baseline.require: FEAT_SVE9 is not known; the nearest known names are FEAT_SVE, FEAT_SVE2,"
                                + " FEAT_SME"),
                Arguments.of(
                        GOOD.exclude("vendorHyp.PTPP"),
                        "spec.baseline.exclude: vendorHyp.PTPP is not known; the nearest known names are vendorHyp.PTP"),
                Arguments.of(
                        GOOD.require("FEAT_SVE", "FEAT_LSE").exclude("FEAT_SVE"),
                        "spec.baseline: FEAT_SVE is both required and excluded; take it out of one of the two lists"),
                Arguments.of(
                        GOOD.approve("c2ff48bbcb2f1830"),
                        "spec.raise.approve: c2ff48bbcb2f1830 is no digest; give all 64 hexadecimal digits of an"
                                + " object's name"),
                Arguments.of(
                        GOOD.profile("XYZ"),
                        "spec.baseline.profile: XYZ is no digest; give all 64 hexadecimal digits of an object's name"),
                Arguments.of(
                        GOOD.profile(null),
                        "spec.baseline.profile is missing; name an ABIProfile (kubectl get abiprofiles)"),
                Arguments.of(
                        GOOD.soak("a while"), "spec.raise.soak: a while is no duration; write it like 90s, 30m or 24h"),
                Arguments.of(GOOD.soak("10"), "spec.raise.soak: 10 is no duration; write it like 90s, 30m or 24h"),
                Arguments.of(GOOD.soak(""), "spec.raise.soak:  is no duration; write it like 90s, 30m or 24h"),
                Arguments.of(GOOD.vmm("eleven"), "spec.vmm: "));
    }

    @ParameterizedTest
    @MethodSource
    void bad(PolicySpec spec, String problem) {
        assertThat(PolicyTerms.of(spec.spec()).problems())
                .singleElement()
                .asString()
                .startsWith(problem);
    }

    @Test
    void everyProblemIsNamedAtOnce() {
        assertThat(PolicyTerms.of(GOOD.require("FEAT_SVE9")
                                .soak("soon")
                                .approve("x")
                                .spec())
                        .problems())
                .hasSize(3);
    }

    @Test
    void whatALaterVersionKnowsIsAProblemBesideTheOthers() {
        PolicyTerms terms =
                PolicyTerms.of(GOOD.soak("soon").spec()).with(List.of("spec.placement: Spread is not known"));
        assertThat(terms.problems()).hasSize(2).first().isEqualTo("spec.placement: Spread is not known");
        assertThat(PolicyTerms.of(GOOD.spec()).with(List.of()).problems()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"90s, PT90S", "30m, PT30M", "24h, PT24H", "1h30m, PT90M", "999999h, PT999999H"})
    void durations(String text, Duration duration) {
        PolicyTerms terms = PolicyTerms.of(GOOD.soak(text).spec());
        assertThat(terms.problems()).isEmpty();
        assertThat(terms.soak()).isEqualTo(duration);
    }

    @Test
    void qemuWithoutAVersionIsTheOldestKnown() {
        assertThat(PolicyTerms.of(GOOD.vmm(null).spec()).vmm()).hasToString("qemu:10.0");
    }

    @ParameterizedTest
    @CsvSource({"firecracker, firecracker", "cloudHypervisor, cloud-hypervisor", "generic, generic"})
    void otherVmms(VmmName name, String vmm) {
        VirtualMachineABISpec good = GOOD.spec();
        VirtualMachineABISpec spec = new VirtualMachineABISpec(
                good.nodeSelector(), null, null, null, List.of(), new Vmm(name, null), null, null, null, null);
        assertThat(PolicyTerms.of(spec).vmm()).hasToString(vmm);
        assertThat(PolicyTerms.of(spec).problems()).isEmpty();
    }
}
