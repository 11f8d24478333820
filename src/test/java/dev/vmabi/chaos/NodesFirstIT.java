package dev.vmabi.chaos;

import static dev.vmabi.chaos.TappedPool.HOST;
import static dev.vmabi.chaos.TappedPool.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import org.junit.jupiter.api.Test;

/** Hundreds of objects that have to be answered, by writes that take seconds, do not keep a rebooted node's labels on it. */
class NodesFirstIT {
    private static final int HOSTILE = 300;

    @Test
    void aNodeDoesNotWaitBehindContent() {
        try (TappedPool pool = new TappedPool()) {
            pool.start();
            KubernetesClient client = pool.client();
            await().atMost(PATIENCE).until(() -> labelled(client));

            pool.tap().writes(Tap.Trouble.SLOW);
            GuestABI known = client.resources(GuestABI.class).list().getItems().getFirst();
            for (int i = 0; i < HOSTILE; i++) {
                GuestABI hostile = new GuestABI();
                hostile.setMetadata(
                        new ObjectMetaBuilder().withName("hostile-" + i).build());
                hostile.setSpec(known.getSpec());
                GuestABI _ = client.resource(hostile).create();
            }
            await("some to be answered").atMost(PATIENCE).until(() -> unanswered(client) < HOSTILE);
            pool.nodes().reboot("n1", HOST);
            await().atMost(PATIENCE).until(() -> !labelled(client));
            assertThat(unanswered(client))
                    .as("objects that still wait once the node is done")
                    .isGreaterThan(HOSTILE / 2);

            pool.tap().writes(Tap.Trouble.NONE);
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
