package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.Impose;
import dev.vmabi.api.VirtualMachineABIStatus.ImposedBy;
import dev.vmabi.api.VirtualMachineABIStatus.ImposedField;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What KubeVirt is told of a clamp, what a VM that was told so has, and what the policy says of it. */
class ImpositionTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | '' | ''",
                "sve=off | sve | ''",
                "sve=off,pauth=off | pauth sve | ''",
                "sve-max-vq=14 | sve1920 sve2048 | ''",
                "psci=1.1,pauth=off,pmu=off,steal-time=off | pauth | psci=1.1,pmu=off,steal-time=off",
            })
    void aClampIsDividedBetweenCpuFeaturesAndTheHook(String clamp, String features, String hook) {
        Imposition imposition = Imposition.of(Clamp.parse(clamp));
        assertThat(String.join(" ", imposition.cpuFeatures())).isEqualTo(features);
        assertThat(imposition.byHook()).isEqualTo(hook);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "sve=off",
                "pauth=off",
                "sve-max-vq=1",
                "sve-max-vq=4",
                "psci=1.1",
                "psci=1.1,sve=off,pauth=off,pmu=off,steal-time=off",
                "psci=0.2,pmu=off,sve-max-vq=16",
            })
    void whatIsImposedIsTheClampAgain(String clamp) {
        Imposition imposition = Imposition.of(Clamp.parse(clamp));
        Clamp all = Imposition.imposed(imposition.cpuFeatures(), Optional.of(imposition.byHook()));
        assertThat(all).isEqualTo(Clamp.parse(clamp.replace(",sve-max-vq=16", "")));
        Clamp withoutHook = Imposition.imposed(imposition.cpuFeatures(), Optional.empty());
        assertThat(withoutHook.psciVersion()).isZero();
        assertThat(withoutHook.pmuOff()).isFalse();
    }

    @Test
    void whatTheHookPassesOverIsNotImposed() {
        assertThat(Imposition.imposed(List.of(), Optional.of("sve=off,psci=x,psci=99999.1,;rm,pmu=off,pmu=off")))
                .isEqualTo(Clamp.NONE.withoutPmu());
        assertThat(Imposition.imposed(List.of("sve", "sve384", "sve100000", "svelte"), Optional.empty()))
                .isEqualTo(Clamp.NONE.withoutSve());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[{\"configMap\": {\"name\": \"vmabi-hook\", \"key\": \"clamp.sh\"}}] | true",
                "[{\"image\":\"x\"},{\"configMap\":{\"key\":\"clamp.sh\",\"name\":\"vmabi-hook\"}}] | true",
                "[{\"configMap\": {\"name\": \"vmabi-hook-2\"}}] | false",
                "[{\"args\": [\"vmabi-hook\"], \"configMap\": {\"name\": \"other\"}}] | false",
                "[] | false",
            })
    void aVmAsksForTheHookByNamingItsConfigMap(String annotation, boolean hooked) {
        assertThat(Imposition.hooked(annotation)).isEqualTo(hooked);
    }

    private static SimulatedCluster mixed(String vmm, Impose impose) {
        SimulatedCluster cluster = new SimulatedCluster();
        cluster.join("n1", "a", "6.12-cortex-a57");
        cluster.join("n2", "a", "6.18-cortex-a57");
        VirtualMachineABISpec s = PolicySpec.of("a").vmm(vmm).spec();
        cluster.apply(
                "p",
                new VirtualMachineABISpec(
                        s.nodeSelector(),
                        s.workloads(),
                        s.baseline(),
                        s.raise(),
                        s.fences(),
                        s.vmm(),
                        s.placement(),
                        s.oneWayMoves(),
                        impose,
                        s.enforcement()));
        cluster.reported();
        return cluster;
    }

    private static ImposedField field(SimulatedCluster cluster, String name) {
        return cluster.status("p").imposition().stream()
                .filter(f -> f.field().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aPolicySaysWhichFieldsItsHookImposesAndWhichNothingDoes() {
        SimulatedCluster cluster = mixed("11.1", Impose.WherePossible);
        assertThat(cluster.status("p").baseline().clamp()).isEqualTo("psci=1.1");
        assertThat(field(cluster, "PSCI_VERSION"))
                .isEqualTo(new ImposedField("PSCI_VERSION", "0x10001", "0x10003", ImposedBy.Hook, null));
        assertThat(cluster.status("p").imposition())
                .filteredOn(f -> f.by() == ImposedBy.Nothing)
                .isNotEmpty()
                .allSatisfy(f -> assertThat(f.why()).startsWith("QEMU "));
    }

    @Test
    void aPolicyThatImposesNothingSaysSo() {
        assertThat(mixed("11.1", Impose.Never).status("p").imposition())
                .isNotEmpty()
                .allSatisfy(f -> {
                    assertThat(f.by()).isEqualTo(ImposedBy.Nothing);
                    assertThat(f.why()).isEqualTo("spec.impose is Never");
                });
    }

    @Test
    void whatAnOlderVmmCannotSetSaysWhichCan() {
        assertThat(field(mixed("10.0", Impose.WherePossible), "PSCI_VERSION").why())
                .isEqualTo("qemu:10.0 cannot set it; 11.1 and later can");
    }
}
