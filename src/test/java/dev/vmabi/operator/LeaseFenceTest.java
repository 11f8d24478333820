package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmabi.devserver.DevServer;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LeaseFenceTest {
    private static final Duration LASTS = Duration.ofSeconds(15);

    private final AtomicLong passed = new AtomicLong(Long.MAX_VALUE - 1_000);
    private final AtomicInteger ends = new AtomicInteger();

    @Test
    void aLeaderWritesAsLongAsItsLeaseLastsAndOneThatHasNoneAtAnyTime() {
        try (DevServer server = DevServer.start();
                KubernetesClient other = server.client();
                KubernetesClient own = new KubernetesClientBuilder()
                        .withConfig(other.getConfiguration())
                        .withHttpClientBuilderConsumer(http -> http.addOrReplaceInterceptor(
                                "fence", new LeaseFence("lease", LASTS, passed::get, ends::incrementAndGet)))
                        .build()) {
            passed.addAndGet(LASTS.toNanos() * 2);
            write(own, "without-a-lease");

            renew(own);
            passed.addAndGet(LASTS.toNanos());
            write(own, "in-time");
            renew(own);
            passed.addAndGet(LASTS.toNanos());
            write(own, "renewed");
            assertThat(ends).hasValue(0);

            passed.addAndGet(1);
            assertThatThrownBy(() -> write(own, "late")).hasStackTraceContaining("the lease has run out");
            assertThat(ends).hasValue(1);
            assertThat(own.nodes().list().getItems())
                    .extracting(node -> node.getMetadata().getName())
                    .containsExactlyInAnyOrder("without-a-lease", "in-time", "renewed");
        }
    }

    private static void write(KubernetesClient client, String name) {
        Node _ = client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .endMetadata()
                        .build())
                .serverSideApply();
    }

    private static void renew(KubernetesClient client) {
        Lease _ = client.resource(new LeaseBuilder()
                        .withNewMetadata()
                        .withNamespace("default")
                        .withName("lease")
                        .endMetadata()
                        .withNewSpec()
                        .withHolderIdentity("own")
                        .endSpec()
                        .build())
                .serverSideApply();
    }
}
