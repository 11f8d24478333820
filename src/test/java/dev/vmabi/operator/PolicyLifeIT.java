package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.VirtualMachineABIStatus.Change;
import dev.vmabi.demo.OperatorProcess;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The whole life of a policy, driven by apply alone, with the operator killed after every step and another one going on
 * from what is written: each step ends as it would have, no label is lost that stays earned, and going on writes nothing.
 */
class PolicyLifeIT {
    private static final String LOW = "12a29ae87c256c9e";
    private static final String HIGH = "c2ff48bbcb2f1830";

    private OperatedCluster cluster;
    private LostLabels lost;
    private OperatorProcess operator;
    private int operators;

    private void apply(String spec) {
        cluster.apply("""
                apiVersion: vmabi.dev/v1alpha1
                kind: VirtualMachineABI
                metadata: {name: pool}
                spec:
                  nodeSelector: {matchLabels: {example.com/pool: pool}}
                  vmm: {name: qemu, minimumVersion: "11.1"}
                %s
                """.formatted(spec.indent(2)));
    }

    /**
     * Kills the operator as it goes to work, and lets another go on. The lease of the one that is gone would end by
     * itself after 15 s, as {@link LeaderElectionIT} sees it do.
     */
    private void killAndResume() {
        operator.kill();
        cluster.endLease();
        operator = cluster.operator("operator-" + ++operators);
    }

    /** Lets it come to rest, then kills and resumes: whoever goes on has nothing to write. */
    private void restartWritesNothing() {
        cluster.settle();
        Map<String, String> before = cluster.versions();
        killAndResume();
        cluster.await(() -> assertThat(cluster.leader()).isEqualTo("operator-" + operators));
        cluster.settle();
        assertThat(OperatedCluster.written(before, cluster.versions())).isEmpty();
    }

    private String pin() {
        return cluster.status("pool").baseline().label();
    }

    @Test
    void eachStepIsGoneOnWithByAnotherOperator() {
        try (OperatedCluster started = new OperatedCluster();
                LostLabels watched = new LostLabels(started.client)) {
            cluster = started;
            lost = watched;
            operator = cluster.operator("operator-0");
            cluster.nodes.join("n1", "pool", "linux-6.1-cortex-a76");
            cluster.nodes.join("n2", "pool", "linux-6.12-cortex-a76");
            cluster.nodes.join("n3", "pool", "linux-6.18-cortex-a76");
            apply("raise: {soak: 1h}");
            killAndResume();
            cluster.expect("pool", s -> assertThat(s.baseline().generation()).isEqualTo(1));
            assertThat(pin()).isEqualTo(LOW);
            restartWritesNothing();
            assertThat(lost.labels()).isEmpty();

            lost.pause();
            cluster.nodes.reboot("n1", "linux-6.12-cortex-a76");
            cluster.await(() -> assertThat(cluster.labels("n1")).isEmpty());
            lost.resume();
            cluster.nodes.agentComesUp("n1", "linux-6.12-cortex-a76");
            cluster.await(() ->
                    assertThat(cluster.condition("pool", "RaiseAvailable")).startsWith("True Proved"));
            String high = cluster.status("pool").candidate().digest();
            apply("raise: {soak: 1h, approve: %s}".formatted(high));
            killAndResume();
            cluster.await(() -> assertThat(pin()).isEqualTo(HIGH));
            restartWritesNothing();

            String low = cluster.status("pool").previous().digest();
            apply("raise: {soak: 1h, approve: %s}".formatted(low));
            killAndResume();
            cluster.await(() -> assertThat(pin()).isEqualTo(LOW));

            apply("raise: {soak: 2s, approve: %s}".formatted(high));
            cluster.await(() -> assertThat(pin()).isEqualTo(HIGH));
            killAndResume();
            cluster.expect("pool", s -> assertThat(s.previous()).isNull());

            cluster.nodes.join("lesser", "pool", "linux-6.1-cortex-a76");
            cluster.expect("pool", s -> assertThat(s.lowering().proved()).isEqualTo(4));
            assertThat(pin()).isEqualTo(HIGH);
            apply("baseline: {lowerTo: %s}".formatted(low));
            killAndResume();
            cluster.expect("pool", s -> {
                assertThat(s.baseline().label()).isEqualTo(LOW);
                assertThat(s.nodes().accepting()).isEqualTo(4);
            });
            assertThat(cluster.condition("pool", "Lowered")).startsWith("True Lowered");
            restartWritesNothing();
            assertThat(lost.labels()).isEmpty();

            lost.pause();
            apply("fences: [{surface: WritableIDRegisters, raise: Now}]");
            killAndResume();
            cluster.expect(
                    "pool",
                    s -> assertThat(s.fencedNodes())
                            .singleElement()
                            .satisfies(f ->
                                    assertThat(f.reason()).contains("is before the raised fence WritableIDRegisters")));
            cluster.await(() -> assertThat(cluster.labels("lesser")).isEmpty());
            apply("raise: {soak: 1h}");
            restartWritesNothing();
            assertThat(cluster.status("pool").fences())
                    .as("a fence is one-way")
                    .singleElement()
                    .satisfies(f -> assertThat(f.raised()).isTrue());

            assertThat(cluster.status("pool").history())
                    .extracting(Change::what)
                    .containsExactly("Lowered", "Finalised", "Raised", "Returned", "Raised", "Pinned");
            assertThat(cluster.status("pool").baseline().generation()).isEqualTo(5);
            assertThat(cluster.labels("n2")).contains(LOW);
        }
    }
}
