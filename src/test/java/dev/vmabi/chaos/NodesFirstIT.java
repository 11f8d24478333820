package dev.vmabi.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import dev.vmabi.chaos.check.Checker;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Hundreds of objects that have to be answered, by writes that take seconds, do not keep a rebooted node's labels on it. */
class NodesFirstIT {
    private static final int HOSTILE = 300;
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec: {nodeSelector: {matchLabels: {example.com/pool: pool}}}
            """;

    @Test
    void aNodeDoesNotWaitBehindContent() {
        try (ApiServer server = ApiServers.start();
                KubernetesClient client = server.client()) {
            new DemoCluster(client).install();
            try (ReplayFleet nodes = new ReplayFleet(server);
                    Checker checker = new Checker(server.client(), broken -> {});
                    Tap tap = new Tap("operator", server, checker.writers())) {
                nodes.join("n1", "pool", "linux-6.12-cortex-a76");
                flood(server, client, nodes, tap);
            }
        }
    }

    private static void flood(ApiServer server, KubernetesClient client, ReplayFleet nodes, Tap tap) {
        try (OperatorProcess operator = new OperatorProcess(
                tap.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                server.directory(),
                "operator",
                Map.of())) {
            await().atMost(PATIENCE).until(operator::ready);
            client.load(new ByteArrayInputStream(POLICY.getBytes(StandardCharsets.UTF_8)))
                    .serverSideApply();
            await().atMost(PATIENCE).until(() -> labelled(client));

            tap.writes(Tap.Trouble.SLOW);
            GuestABI known = client.resources(GuestABI.class).list().getItems().getFirst();
            for (int i = 0; i < HOSTILE; i++) {
                GuestABI hostile = new GuestABI();
                hostile.setMetadata(
                        new ObjectMetaBuilder().withName("hostile-" + i).build());
                hostile.setSpec(known.getSpec());
                GuestABI _ = client.resource(hostile).create();
            }
            await("some to be answered").atMost(PATIENCE).until(() -> unanswered(client) < HOSTILE);
            nodes.reboot("n1", "linux-6.12-cortex-a76");
            await().atMost(PATIENCE).until(() -> !labelled(client));
            assertThat(unanswered(client))
                    .as("objects that still wait once the node is done")
                    .isGreaterThan(HOSTILE / 2);

            tap.writes(Tap.Trouble.NONE);
            await("all to be answered").atMost(PATIENCE).until(() -> unanswered(client) == 0);
        }
    }

    private static boolean labelled(KubernetesClient client) {
        return client.nodes().withName("n1").get().getMetadata().getLabels().keySet().stream()
                .anyMatch(l -> l.startsWith(Names.NODE_LABEL_PREFIX));
    }

    private static long unanswered(KubernetesClient client) {
        return client.resources(GuestABI.class).list().getItems().stream()
                .filter(g -> g.getStatus() == null)
                .count();
    }
}
