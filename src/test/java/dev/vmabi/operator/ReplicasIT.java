package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplicaService;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Two replicas behind one address, of which one is killed while pods are created. */
class ReplicasIT {
    private static final int PODS = 1000;

    @Test
    void withOneOfTwoReplicasKilledNoTargetIsLetInUnheldAndAllComeInSoon() throws Exception {
        try (OperatedCluster cluster = new OperatedCluster()) {
            new DemoCluster(cluster.client).installKubeVirt();
            OperatorProcess doomed = cluster.operator("doomed");
            OperatorProcess other = cluster.operator("other");
            cluster.nodes.join("n1", "a", "linux-6.12-cortex-a76");
            cluster.nodes.join("n2", "a", "linux-6.12-cortex-a76");
            cluster.applyPolicy("a");
            cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
            String stamp = cluster.status("a").baseline().label();
            try (ReplicaService service = new ReplicaService(List.of(doomed, other));
                    KubernetesClient controller =
                            cluster.server.client(User.serviceAccount("kubevirt", "kubevirt-controller"))) {
                new DemoCluster(cluster.client).gate(service.port());
                TargetPods.awaitHeld(controller, stamp);
                Instant killed;
                double asked;
                AtomicInteger wanted = new AtomicInteger(PODS);
                TargetPods pods = new TargetPods(controller, stamp, () -> wanted.getAndDecrement() <= 0);
                try (pods) {
                    Awaitility.await().pollInterval(Duration.ofMillis(10)).until(() -> pods.made() > PODS / 4);
                    asked = asked(doomed);
                    doomed.kill();
                    killed = Instant.now();
                }
                List<Instant> refused = pods.refused();
                assertThat(asked).as("reviews that the killed one had answered").isPositive();
                assertThat(pods.unheld())
                        .as("targets let in without being held")
                        .isZero();
                long ms = refused.isEmpty()
                        ? 0
                        : Duration.between(killed, refused.getLast()).toMillis();
                System.out.printf(
                        "%d targets by %d callers; one replica killed after it had answered %.0f; %d refused, the last %d ms"
                                + " after that%n",
                        PODS, TargetPods.CALLERS, asked, refused.size(), ms);
                assertThat(refused).hasSizeLessThan(PODS / 4);
                assertThat(ms).isLessThan(20_000);
                assertThat(TargetPods.held(controller, stamp)).isTrue();
            }
        }
    }

    private static double asked(OperatorProcess replica) {
        return replica.metrics()
                .lines()
                .filter(l -> l.startsWith("vmabi_admissions_total"))
                .mapToDouble(l -> Double.parseDouble(l.substring(l.lastIndexOf(' ') + 1)))
                .sum();
    }
}
