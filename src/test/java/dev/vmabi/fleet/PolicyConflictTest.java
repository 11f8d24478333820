package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.fleet.FleetEvent.Reason;
import io.fabric8.kubernetes.api.model.LabelSelectorBuilder;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PolicyConflictTest {
    private final SimulatedCluster cluster = new SimulatedCluster();

    @BeforeEach
    void anOlderAndAYoungerPolicyForOneNode() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.18-cortex-a76");
        cluster.join("n3", "b", "6.12-cortex-a76");
        cluster.apply("z-older", PolicySpec.of("a"));
        cluster.pass(Duration.ofMinutes(1));
        cluster.apply(
                "a-younger",
                PolicySpec.of("a")
                        .nodes(new LabelSelectorBuilder()
                                .addToMatchExpressions(new LabelSelectorRequirement("pool", "In", List.of("a", "b")))
                                .build()));
        cluster.reported();
    }

    @Test
    void theOlderKeepsTheNodesAndBothSaySo() {
        assertThat(cluster.status("z-older").nodes().matched()).isEqualTo(2);
        assertThat(cluster.status("a-younger").nodes().matched()).isEqualTo(1);
        assertThat(cluster.condition("z-older", "Degraded"))
                .isEqualTo("True PolicyConflict: 2 nodes are selected by a-younger too, first n1; this policy is older"
                        + " and keeps them");
        assertThat(cluster.condition("a-younger", "Degraded"))
                .isEqualTo("True PolicyConflict: 2 nodes are held by the older policy z-older, first n1; make the node"
                        + " selectors disjoint");
        assertThat(cluster.eventReasons().stream().filter(Reason.PolicyConflict::equals))
                .hasSize(2);
        assertThat(cluster.hosts.get("n1").status.policies())
                .extracting(v -> v.policy() + " " + v.state())
                .containsExactly("z-older Accepting", "a-younger Conflict");
    }

    @Test
    void nothingFlaps() {
        for (int i = 0; i < 5; i++) {
            cluster.pass(Duration.ofMinutes(7));
            assertThat(cluster.reconcileAll()).isZero();
        }
    }

    @Test
    void theYoungerGetsTheNodesOnceTheOlderIsGone() {
        cluster.policies.remove("z-older");
        cluster.settle();
        assertThat(cluster.status("a-younger").nodes().matched()).isEqualTo(3);
        assertThat(cluster.condition("a-younger", "Degraded")).startsWith("False ");
    }

    @Test
    void aNodeThatChangesItsPoolChangesItsPolicy() {
        cluster.leave("n2");
        cluster.join("n2", "b", "6.18-cortex-a76");
        cluster.reported();
        assertThat(cluster.status("z-older").nodes().matched()).isEqualTo(1);
        assertThat(cluster.status("a-younger").nodes().matched()).isEqualTo(2);
    }
}
