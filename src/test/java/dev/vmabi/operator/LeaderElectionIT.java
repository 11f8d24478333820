package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.demo.OperatorProcess;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Operators that are killed, taken over from and started anew, and what that costs: nothing. */
class LeaderElectionIT {
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec:
              nodeSelector: {matchLabels: {example.com/pool: pool}}
              vmm: {name: qemu, minimumVersion: "11.1"}
            """;

    @Test
    void aKilledOperatorIsTakenOverFromAndNothingIsLostOrWrittenTwice() {
        try (OperatedCluster cluster = new OperatedCluster();
                LostLabels lost = new LostLabels(cluster.client)) {
            Map<String, OperatorProcess> operators = new HashMap<>();
            operators.put("a", cluster.operator("a"));
            cluster.nodes.join("n1", "pool", "linux-6.12-cortex-a76");
            cluster.nodes.join("n2", "pool", "linux-6.18-cortex-a76");
            cluster.apply(POLICY);
            // Killed on the way to the first pin: whoever comes next goes on from what was written.
            cluster.await(() -> assertThat(cluster.status("pool").candidate()).isNotNull());
            operators.get("a").kill();
            operators.put("b", cluster.operator("b"));
            operators.put("c", cluster.operator("c"));
            cluster.expect("pool", s -> {
                assertThat(s.baseline().label()).isEqualTo("c2ff48bbcb2f1830");
                assertThat(s.baseline().generation()).isEqualTo(1);
                assertThat(s.nodes().accepting()).isEqualTo(2);
            });
            cluster.settle();

            Map<String, String> before = cluster.versions();
            String leader = cluster.leader();
            assertThat(leader).isIn("b", "c");
            operators.get(leader).kill();
            cluster.await(() -> assertThat(cluster.leader()).isNotEqualTo(leader));
            cluster.settle();
            assertThat(OperatedCluster.written(before, cluster.versions()))
                    .as("written by the one that took over from " + leader)
                    .isEmpty();

            cluster.nodes.join("n3", "pool", "linux-6.1-cortex-a76");
            cluster.expect(
                    "pool",
                    s -> assertThat(s.fencedNodes())
                            .singleElement()
                            .satisfies(f -> assertThat(f.name()).isEqualTo("n3")));
            assertThat(cluster.labels("n1")).contains("c2ff48bbcb2f1830");
            assertThat(lost.labels()).isEmpty();
        }
    }

    @Test
    void anOperatorThatLosesTheLeaseEnds() {
        try (OperatedCluster cluster = new OperatedCluster()) {
            OperatorProcess operator = cluster.operator("a");
            cluster.await(() -> assertThat(cluster.leader()).isEqualTo("a"));
            cluster.give("somebody else");
            cluster.await(() -> assertThat(operator.alive()).isFalse());
        }
    }
}
