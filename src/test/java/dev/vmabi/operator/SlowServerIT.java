package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.devserver.Relay;
import dev.vmabi.devserver.User;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * An API server that does not answer for longer than a call waits (10 s) is waited for at the start. Later a leader cannot
 * renew its lease meanwhile: it ends, and what is started in its place goes on.
 */
class SlowServerIT {
    @Test
    void isWaitedForAtTheStartAndCostsALeaderItsLeaseLater() throws Exception {
        try (OperatedCluster cluster = new OperatedCluster();
                Relay relay = new Relay(cluster.server.url())) {
            relay.hold();
            Path log = cluster.server.directory().resolve("operator.log");
            Thread mend = Thread.ofVirtual().start(() -> {
                Awaitility.await()
                        .atMost(Duration.ofMinutes(1))
                        .until(() -> Files.exists(log)
                                && Files.readString(log).contains("The timeout of 10000 ms has been exceeded"));
                relay.mend();
            });
            OperatorProcess operator = cluster.operator("operator", throughRelay(cluster, relay));
            assertThat(mend.isAlive()).as("it was ready while nobody answered").isFalse();
            cluster.await(() -> assertThat(cluster.leader()).isEqualTo("operator"));

            relay.hold();
            cluster.await(() -> assertThat(operator.alive())
                    .as("who cannot renew the lease ends before another takes it")
                    .isFalse());
            relay.mend();
            OperatorProcess restarted = cluster.operator("restarted", throughRelay(cluster, relay));
            cluster.nodes.join("n1", "pool", "linux-6.12-cortex-a76");
            cluster.apply("""
                    apiVersion: vmabi.dev/v1alpha1
                    kind: VirtualMachineABI
                    metadata: {name: pool}
                    spec:
                      nodeSelector: {matchLabels: {example.com/pool: pool}}
                    """);
            cluster.expect("pool", s -> assertThat(s.nodes().accepting()).isEqualTo(1));
            assertThat(restarted.ready()).isTrue();
        }
    }

    private static Path throughRelay(OperatedCluster cluster, Relay relay) throws IOException {
        Path direct = cluster.server.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator"));
        return Files.writeString(
                cluster.server.directory().resolve("through-relay.kubeconfig"),
                Files.readString(direct)
                        .replace(cluster.server.url().toString(), relay.url().toString()));
    }
}
