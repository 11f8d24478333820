package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import java.util.List;
import org.junit.jupiter.api.Test;

class PolicyPreviewTest {
    private final SimulatedCluster cluster = new SimulatedCluster();
    private final PolicySpec spec = PolicySpec.of("a");

    private List<String> preview(String name, PolicySpec of) {
        FleetState before = cluster.state();
        List<String> lines = PolicyPreview.of(cluster.fleet(), name, new Stored<>(of.spec(), List.of()), cluster.now);
        assertThat(cluster.state()).isEqualTo(before);
        return lines;
    }

    private void threeKernels() {
        cluster.join("n1", "a", "6.1-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.join("n3", "a", "6.12-cortex-a76");
        cluster.reported();
    }

    @Test
    void aNewPolicySaysWhatItWouldPinAndForWhom() {
        threeKernels();
        assertThat(preview("p", spec))
                .containsExactly(
                        "holds 3 arm64 nodes, of which 3 report and 0 accept the baseline",
                        "would pin 12a29ae87c256c9e with 45 features, once 3 nodes have proved it");
        assertThat(preview("p", spec.require("FEAT_Debugv8p2")))
                .contains("fences 1 nodes (1 of them anew): n1; the first lacks required FEAT_Debugv8p2");
        assertThat(preview("p", PolicySpec.of("none")))
                .contains("would pin nothing yet: spec.nodeSelector matches no arm64 node");
    }

    @Test
    void anUnknownFeatureIsToldWithTheNearestNames() {
        threeKernels();
        assertThat(preview("p", spec.require("FEAT_SVE9")))
                .singleElement()
                .asString()
                .startsWith(
                        "invalid, and would stand still: spec.baseline.require: FEAT_SVE9 is not known; the nearest")
                .contains("FEAT_SVE2");
    }

    @Test
    void aChangeSaysWhatItFencesRaisesAndLeavesStranded() {
        threeKernels();
        cluster.apply("p", spec);
        cluster.settle();
        cluster.start("vm", "n2", Clamp.NONE);
        cluster.settle();
        cluster.leave("n3");
        assertThat(preview("p", spec.fence(Surface.WritableIDRegisters, FenceRaise.Now)))
                .containsExactly(
                        "holds 2 arm64 nodes, of which 2 report and 1 accept the baseline",
                        "stays pinned to 12a29ae87c256c9e; candidate c6cebfce457c7143 gains 8 and loses 0",
                        "fences 1 nodes (1 of them anew): n1; the first kernel 6.1.0 is before the raised fence"
                                + " WritableIDRegisters: it needs writable ID registers (Linux 6.7)",
                        "raises for good: WritableIDRegisters",
                        "of 1 VMs 1 have no node but their own (default/vm), and of 0 nobody knows what they have");
        assertThat(preview("p", spec.exclude("FEAT_AES")))
                .as("Linux 6.1 cannot hide it")
                .anyMatch(l -> l.startsWith("stays pinned to 12a29ae87c256c9e; no guest ABI"));
        cluster.leave("n1");
        assertThat(preview("p", spec.exclude("FEAT_AES")))
                .anyMatch(l -> l.startsWith("stays pinned to 12a29ae87c256c9e; candidate ") && l.contains("FEAT_AES"));
    }

    @Test
    void aSecondPolicyForTheSameNodesIsToldWhoHoldsThem() {
        threeKernels();
        cluster.apply("p", spec);
        cluster.settle();
        assertThat(preview("q", spec).getFirst())
                .isEqualTo("holds 0 arm64 nodes, of which 0 report and 0 accept the baseline;"
                        + " 3 more are held by the older policy p");
    }

    @Test
    void aLoweringThatWouldBeRefusedIsTold() {
        threeKernels();
        cluster.apply("p", spec);
        cluster.settle();
        assertThat(preview("p", spec.lowerTo("0".repeat(64))))
                .anyMatch(l -> l.startsWith("not lowered: no node is fenced for what it lacks"));
    }
}
