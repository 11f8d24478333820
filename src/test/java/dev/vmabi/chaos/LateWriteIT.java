package dev.vmabi.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.chaos.check.Checker;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.demo.Story;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A write that leaves a leader in time and comes late must not take back what the next leader has written. */
class LateWriteIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int LATER = 7;
    private static final int MOST_NODES = 6;
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec: {nodeSelector: {matchLabels: {example.com/pool: pool}}}
            """;

    @Test
    void aPinIsNotTakenBack() {
        try (ApiServer server = ApiServers.start();
                KubernetesClient client = server.client()) {
            new DemoCluster(client).install();
            try (ReplayFleet nodes = new ReplayFleet(server);
                    Checker checker = new Checker(server.client(), broken -> {});
                    Tap tap = new Tap("operator", server, checker.writers());
                    OperatorProcess operator = new OperatorProcess(
                            tap.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                            server.directory(),
                            "operator",
                            Map.of())) {
                nodes.join("n1", "pool", "linux-6.12-cortex-a76");
                await().atMost(PATIENCE).until(operator::ready);
                client.load(new ByteArrayInputStream(POLICY.getBytes(StandardCharsets.UTF_8)))
                        .serverSideApply();
                await().atMost(PATIENCE).until(() -> accepting(client) == 1);

                boolean inTime = false;
                for (int nodesBefore = 1; !inTime && nodesBefore < MOST_NODES; nodesBefore++) {
                    inTime = isOvertaken(client, nodes, tap, nodesBefore);
                }
                assertThat(inTime)
                        .as("one of the writes was still on its way after a second")
                        .isTrue();
                assertThat(status(client).baseline().generation()).isEqualTo(LATER);
            }
        }
    }

    /** Has the operator count one more node, and the next leader pin before that has been written; false if it is too late. */
    private static boolean isOvertaken(KubernetesClient client, ReplayFleet nodes, Tap tap, int nodesBefore) {
        String node = "n" + (nodesBefore + 1);
        tap.writes(Tap.Trouble.SLOW);
        nodes.join(node, "pool", "linux-6.12-cortex-a76");
        await().atMost(PATIENCE).until(() -> hasProved(client, node));
        // The operator has seen it by now and writes; that takes two seconds.
        Story.pause(Duration.ofSeconds(1));
        boolean inTime = accepting(client) == nodesBefore;
        if (inTime) {
            VirtualMachineABI _ = client.resources(VirtualMachineABI.class)
                    .withName("pool")
                    .subresource("status")
                    .patch(
                            PatchContext.of(PatchType.JSON_MERGE),
                            "{\"status\":{\"baseline\":{\"generation\":" + LATER + "}}}");
        }
        tap.writes(Tap.Trouble.NONE);
        await().atMost(PATIENCE).until(() -> accepting(client) == nodesBefore + 1);
        return inTime;
    }

    private static boolean hasProved(KubernetesClient client, String node) {
        return Optional.ofNullable(
                        client.resources(NodeABI.class).withName(node).get())
                .filter(n -> !n.getSpec().proofs().isEmpty())
                .isPresent();
    }

    private static int accepting(KubernetesClient client) {
        return Optional.ofNullable(status(client))
                .map(s -> s.nodes().accepting())
                .orElse(0);
    }

    private static VirtualMachineABIStatus status(KubernetesClient client) {
        return client.resources(VirtualMachineABI.class).withName("pool").get().getStatus();
    }
}
