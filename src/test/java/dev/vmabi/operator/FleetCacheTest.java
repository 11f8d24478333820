package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.vmabi.demo.DemoCluster;
import dev.vmabi.devserver.DevServer;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The fleet in memory, over an API server. */
class FleetCacheTest {
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    @Test
    void aListenerThatFailsKeepsNoOtherFromBeingToldAndIsSeen() {
        AtomicBoolean fails = new AtomicBoolean(true);
        AtomicInteger told = new AtomicInteger();
        try (DevServer server = DevServer.start();
                KubernetesClient client = server.client()) {
            new DemoCluster(client).installOwn();
            FleetCache cache = new FleetCache(client, Clock.systemUTC(), meters);
            cache.listen((_, _) -> {
                if (fails.get()) {
                    throw new IllegalStateException("a listener that fails");
                }
            });
            cache.listen((_, _) -> told.incrementAndGet());
            cache.start(null);
            try {
                await().until(() -> told.get() > 0);
                await().until(() -> behind() == 1);

                fails.set(false);
                Node _ = client.resource(new NodeBuilder()
                                .withNewMetadata()
                                .withName("n1")
                                .endMetadata()
                                .build())
                        .create();
                await().until(() -> behind() == 0);
                assertThat(cache.fleet().orElseThrow().node("n1")).isPresent();
            } finally {
                cache.stop(null);
            }
        }
    }

    private double behind() {
        return meters.get("vmabi.fleet.behind").gauge().value();
    }
}
