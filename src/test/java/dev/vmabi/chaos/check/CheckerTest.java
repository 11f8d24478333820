package dev.vmabi.chaos.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.Names;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.devserver.DevServer;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** The checker on an API server where nobody mends anything: somebody holds the lease, and does nothing. */
class CheckerTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final PatchContext MERGE = PatchContext.of(PatchType.JSON_MERGE);

    @Test
    void aLabelOnANodeThatHasNotProvedItIsFoundOnceSomebodyLeadsWhoCouldTakeItAway() {
        try (DevServer server = DevServer.start();
                KubernetesClient client = server.client();
                ScheduledExecutorService leader = Executors.newSingleThreadScheduledExecutor()) {
            new DemoCluster(client).install();
            try (ReplayFleet fleet = new ReplayFleet(server);
                    Checker checker = new Checker(server.client(), Duration.ofSeconds(2), _ -> {})) {
                fleet.join("n1", "none", "linux-6.12-cortex-a76");
                Awaitility.await("the report to be seen")
                        .atMost(PATIENCE)
                        .until(() -> !client.genericKubernetesResources(Names.API_VERSION, "NodeABI")
                                .list()
                                .getItems()
                                .isEmpty());
                label(client, "0123456789abcdef");
                Awaitility.await()
                        .atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(checker.wrong())
                                .contains(new Mismatch(
                                        "Node n1", "has the label 0123456789abcdef, not proved since its last boot")));
                assertThat(checker.violations()).as("while nobody leads").isEmpty();

                Future<?> _ = leader.scheduleWithFixedDelay(() -> renew(client), 0, 500, TimeUnit.MILLISECONDS);
                Awaitility.await()
                        .atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(checker.violations())
                                .extracting(Violation::object, Violation::what)
                                .anySatisfy(v -> assertThat(v.toString())
                                        .contains("Node n1", "0123456789abcdef, not proved since its last boot")));
                leader.shutdownNow();
            }
        }
    }

    private static void label(KubernetesClient client, String digest16) {
        var _ = client.nodes()
                .withName("n1")
                .patch(MERGE, "{\"metadata\":{\"labels\":{\"" + Names.nodeLabel(digest16) + "\":\"true\"}}}");
    }

    private static void renew(KubernetesClient client) {
        var _ = client.resource(new LeaseBuilder()
                        .withNewMetadata()
                        .withNamespace("vmabi-system")
                        .withName("vmabi-operator")
                        .endMetadata()
                        .withNewSpec()
                        .withHolderIdentity("idle")
                        .withRenewTime(ZonedDateTime.now(ZoneOffset.UTC))
                        .endSpec()
                        .build())
                .serverSideApply();
    }
}
