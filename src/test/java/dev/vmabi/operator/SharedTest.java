package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.NodeABIStatus.PolicyVerdict;
import dev.vmabi.fleet.FleetState.Report;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SharedTest {
    /** Of new texts and lists, as each one that is read from JSON. */
    private static Report report(String boot) {
        String digest = "0".repeat(64);
        return new Report(
                1,
                new NodeABISpec(
                        new NodeABISpec.Kvm(NodeABISpec.KvmState.Available, null),
                        digest,
                        boot,
                        String.valueOf("6.12".toCharArray()),
                        new ArrayList<>(List.of(new NodeABISpec.Cpu("0x1", 1, null))),
                        "1",
                        new ArrayList<>(List.of(new NodeABISpec.Proof(digest, true, 0, List.of())))),
                new NodeABIStatus(
                        1L,
                        List.of(),
                        new ArrayList<>(List.of(new PolicyVerdict("p", NodeState.Accepting, List.of())))));
    }

    @Test
    void equalPartsAreHeldOnceAndNothingElseChanges() {
        Shared shared = new Shared();
        Report one = shared.report(report("a"));
        Report other = shared.report(report("b"));
        assertThat(one).isEqualTo(report("a"));
        assertThat(other).isEqualTo(report("b"));
        assertThat(one.spec().proofs()).isSameAs(other.spec().proofs());
        assertThat(one.spec().cpus()).isSameAs(other.spec().cpus());
        assertThat(one.spec().kernelRelease()).isSameAs(other.spec().kernelRelease());
        assertThat(one.status().policies()).isSameAs(other.status().policies());
        assertThat(shared.report(new Report(1, null, null))).isEqualTo(new Report(1, null, null));
    }
}
