package dev.vmabi.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vmabi.api.VirtualMachineABISpec.Enforcement;
import dev.vmabi.api.VirtualMachineABISpec.Placement;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StoredTest {
    private static final ObjectMapper YAML = new YAMLMapper();

    private static Stored<VirtualMachineABISpec> policy(String yaml) throws JsonProcessingException {
        return Stored.read(YAML.readValue(yaml, Map.class), "spec", VirtualMachineABISpec.class);
    }

    @Test
    void fieldsOfALaterVersionArePassedOver() throws JsonProcessingException {
        Stored<VirtualMachineABISpec> later = policy("""
                nodeSelector: {matchLabels: {pool: a}}
                enforcement: Audit
                quota: {nodes: 3}
                raise: {strategy: Manual, pace: slow}
                fences: [{surface: HypercallBitmaps, note: why}]
                """);
        Stored<VirtualMachineABISpec> now = policy("""
                nodeSelector: {matchLabels: {pool: a}}
                enforcement: Audit
                raise: {strategy: Manual}
                fences: [{surface: HypercallBitmaps}]
                """);
        assertThat(later).isEqualTo(now);
        assertThat(later.unknown()).isEmpty();
        assertThat(later.value().enforcement()).isEqualTo(Enforcement.Audit);
    }

    @Test
    void valuesOfALaterVersionAreToldWithFieldAndWhatToDoAndCostNothingElse() throws JsonProcessingException {
        Stored<VirtualMachineABISpec> later = policy("""
                nodeSelector: {matchLabels: {pool: a}}
                placement: Spread
                enforcement: Audit
                vmm: {name: crosvm}
                fences: [{surface: HypercallBitmaps}, {surface: Timers, raise: Soon}]
                """);
        assertThat(later.unknown())
                .containsExactlyInAnyOrder(
                        "spec.placement: Spread is not known to this version; take one of Anywhere, AvoidIslands, or upgrade",
                        "spec.vmm.name: crosvm is not known to this version; take one of qemu, firecracker,"
                                + " cloud-hypervisor, generic, or upgrade",
                        "spec.fences[1].surface: Timers is not known to this version; take one of HypercallBitmaps,"
                                + " WritableIDRegisters, SecondVendorBitmap, WritableImplementationID, or upgrade",
                        "spec.fences[1].raise: Soon is not known to this version; take one of Never, WhenCrossed, Now, or"
                                + " upgrade");
        assertThat(later.value().placement()).isEqualTo(Placement.AvoidIslands);
        assertThat(later.value().enforcement()).isEqualTo(Enforcement.Audit);
        assertThat(later.value().fences()).hasSize(2);
    }

    @Test
    void whatIsNotOfItsShapeIsRefused() {
        assertThatThrownBy(() -> policy("nodeSelector: 3"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("spec: ");
        assertThat(Stored.read(null, "spec", VirtualMachineABISpec.class).value())
                .isNull();
    }

    @Test
    void aReportInAStateOfALaterVersionIsRead() throws JsonProcessingException {
        Stored<NodeABISpec> report = Stored.read(
                YAML.readTree("{kvm: {state: Paused, message: m, since: now}, bootID: b}"), "spec", NodeABISpec.class);
        assertThat(report.value().kvm()).isEqualTo(new NodeABISpec.Kvm(null, "m"));
        assertThat(report.unknown()).singleElement().asString().startsWith("spec.kvm.state: Paused is not known");
    }
}
