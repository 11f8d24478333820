package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplicaService;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * Two replicas are replaced under load, one after the other, and again, as the chart's Deployment does it in an upgrade
 * and in a rollback: a new one is ready before an old one goes, and the old one serves on for a while. There is no earlier
 * version yet: all are this one.
 */
class RollingUpgradeIT {
    /** Less than {@code operator.preStopSeconds} of the chart. */
    private static final Duration PRE_STOP = Duration.ofSeconds(2);

    private static final int BETWEEN = 50;

    @Test
    void anUpgradeAndTheWayBackRefuseNothingAndLetNothingInUnheld() throws Exception {
        try (OperatedCluster cluster = new OperatedCluster()) {
            new DemoCluster(cluster.client).installKubeVirt();
            List<OperatorProcess> replicas = new ArrayList<>(List.of(cluster.operator("a-1"), cluster.operator("a-2")));
            cluster.nodes.join("n1", "a", "linux-6.12-cortex-a76");
            cluster.nodes.join("n2", "a", "linux-6.12-cortex-a76");
            cluster.applyPolicy("a");
            cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
            String stamp = cluster.status("a").baseline().label();
            AtomicBoolean enough = new AtomicBoolean();
            try (ReplicaService service = new ReplicaService(replicas);
                    KubernetesClient controller =
                            cluster.server.client(User.serviceAccount("kubevirt", "kubevirt-controller"))) {
                new DemoCluster(cluster.client).gate(service.port());
                TargetPods.awaitHeld(controller, stamp);
                TargetPods pods = new TargetPods(controller, stamp, enough::get);
                try (pods) {
                    try {
                        replace(cluster, service, replicas, "b", pods);
                        // The baseline is kept by whoever leads now.
                        cluster.nodes.join("n3", "a", "linux-6.12-cortex-a76");
                        cluster.expect(
                                "a", s -> assertThat(s.nodes().accepting()).isEqualTo(3));
                        replace(cluster, service, replicas, "c", pods);
                        cluster.nodes.join("n4", "a", "linux-6.12-cortex-a76");
                        cluster.expect(
                                "a", s -> assertThat(s.nodes().accepting()).isEqualTo(4));
                    } finally {
                        // Before the callers are waited for.
                        enough.set(true);
                    }
                }
                System.out.printf(
                        "%d targets by %d callers while four replicas were replaced: %d refused, %d not held%n",
                        pods.made(), TargetPods.CALLERS, pods.refused().size(), pods.unheld());
                assertThat(pods.refused()).as(pods::lastRefusal).isEmpty();
                assertThat(pods.unheld()).isZero();
            }
        }
    }

    /** Replaces every replica by a new one; those of before are gone when this returns. */
    private static void replace(
            OperatedCluster cluster,
            ReplicaService service,
            List<OperatorProcess> replicas,
            String version,
            TargetPods pods)
            throws InterruptedException {
        for (int i = 0; i < replicas.size(); i++) {
            OperatorProcess next = cluster.operator(version + "-" + (i + 1));
            service.add(next);
            awaitMore(pods);
            OperatorProcess old = replicas.set(i, next);
            service.remove(old);
            Thread.sleep(PRE_STOP);
            old.close();
            awaitMore(pods);
        }
    }

    private static void awaitMore(TargetPods pods) {
        int before = pods.made();
        Awaitility.await("more pods, the last refusal was: " + pods.lastRefusal())
                .atMost(Duration.ofMinutes(1))
                .until(() -> pods.made() >= before + BETWEEN);
    }
}
