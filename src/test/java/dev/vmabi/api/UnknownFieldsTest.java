package dev.vmabi.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.utils.Serialization;
import org.junit.jupiter.api.Test;

/** What a later version has added to an object keeps nobody from reading the rest. */
class UnknownFieldsTest {
    @Test
    void aPolicyIsReadWithoutTheFieldsThatAreNotKnown() {
        VirtualMachineABI policy = Serialization.unmarshal("""
                apiVersion: vmabi.dev/v1alpha1
                kind: VirtualMachineABI
                metadata: {name: pool}
                spec:
                  later: {x: 1}
                  enforcement: Audit
                  vmm: {name: qemu, minimumVersion: "11.1", later: [1]}
                  baseline: {source: FleetMinimum, later: true}
                status:
                  later: 1
                  observedGeneration: 3
                  nodes: {matched: 2, later: 1}
                """, VirtualMachineABI.class);

        assertThat(policy.getSpec().enforcement()).isEqualTo(VirtualMachineABISpec.Enforcement.Audit);
        assertThat(policy.getSpec().vmm().minimumVersion()).isEqualTo("11.1");
        assertThat(policy.getStatus().observedGeneration()).isEqualTo(3);
        assertThat(policy.getStatus().nodes().matched()).isEqualTo(2);
    }

    @Test
    void aReportIsReadWithoutTheFieldsThatAreNotKnown() {
        NodeABI report = Serialization.unmarshal("""
                apiVersion: vmabi.dev/v1alpha1
                kind: NodeABI
                metadata: {name: node-1}
                spec:
                  later: 1
                  kvm: {state: Available, later: 1}
                  proofs: [{accepted: true, later: 1}]
                """, NodeABI.class);

        assertThat(report.getSpec().kvm().state()).isEqualTo(NodeABISpec.KvmState.Available);
        assertThat(report.getSpec().proofs())
                .singleElement()
                .satisfies(p -> assertThat(p.accepted()).isTrue());
    }
}
