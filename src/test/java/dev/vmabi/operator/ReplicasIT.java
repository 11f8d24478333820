package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.Names;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Two replicas behind one address, of which one is killed while pods are created. */
class ReplicasIT {
    private static final int PODS = 1000;
    private static final int CALLERS = 8;

    @Test
    void withOneOfTwoReplicasKilledNoTargetIsLetInUnheldAndAllComeInSoon() throws Exception {
        try (OperatedCluster cluster = new OperatedCluster()) {
            new DemoCluster(cluster.client).installKubeVirt();
            OperatorProcess doomed = cluster.operator("doomed");
            OperatorProcess other = cluster.operator("other");
            cluster.nodes.join("n1", "a", "linux-6.12-cortex-a76");
            cluster.nodes.join("n2", "a", "linux-6.12-cortex-a76");
            cluster.apply("""
                    apiVersion: vmabi.dev/v1alpha1
                    kind: VirtualMachineABI
                    metadata: {name: a}
                    spec: {nodeSelector: {matchLabels: {example.com/pool: a}}}
                    """);
            cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
            String stamp = cluster.status("a").baseline().label();
            try (Service service = new Service(List.of(doomed, other));
                    KubernetesClient controller =
                            cluster.server.client(User.serviceAccount("kubevirt", "kubevirt-controller"))) {
                new DemoCluster(cluster.client).gate(service.port());
                Awaitility.await("the gate is asked")
                        .atMost(Duration.ofMinutes(1))
                        .ignoreExceptions()
                        .until(() -> held(controller, stamp));
                List<Instant> refused = new CopyOnWriteArrayList<>();
                AtomicInteger made = new AtomicInteger();
                AtomicInteger unheld = new AtomicInteger();
                Instant killed;
                double asked;
                try (ExecutorService callers = Executors.newFixedThreadPool(CALLERS)) {
                    List<Future<?>> all = new ArrayList<>();
                    for (int i = 0; i < CALLERS; i++) {
                        all.add(callers.submit(() -> {
                            while (made.incrementAndGet() <= PODS) {
                                try {
                                    unheld.addAndGet(held(controller, stamp) ? 0 : 1);
                                } catch (KubernetesClientException e) {
                                    refused.add(Instant.now());
                                }
                            }
                        }));
                    }
                    Awaitility.await().pollInterval(Duration.ofMillis(10)).until(() -> made.get() > PODS / 4);
                    asked = asked(doomed);
                    doomed.kill();
                    killed = Instant.now();
                    for (Future<?> caller : all) {
                        caller.get();
                    }
                }
                assertThat(asked).as("reviews that the killed one had answered").isPositive();
                assertThat(unheld).as("targets let in without being held").hasValue(0);
                long ms = refused.isEmpty()
                        ? 0
                        : Duration.between(killed, refused.getLast()).toMillis();
                System.out.printf(
                        "%d targets by %d callers; one replica killed after it had answered %.0f; %d refused, the last %d ms"
                                + " after that%n",
                        PODS, CALLERS, asked, refused.size(), ms);
                assertThat(refused).hasSizeLessThan(PODS / 4);
                assertThat(ms).isLessThan(20_000);
                assertThat(held(controller, stamp)).isTrue();
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

    /** Whether a target pod was created that is held to its stamp. */
    private static boolean held(KubernetesClient controller, String stamp) {
        Pod pod = controller
                .resource(new PodBuilder()
                        .withNewMetadata()
                        .withNamespace("default")
                        .withGenerateName("virt-launcher-vm-")
                        .withLabels(Map.of(
                                "kubevirt.io",
                                "virt-launcher",
                                "kubevirt.io/migrationJobUID",
                                "m-1",
                                "kubevirt.io/nodeName",
                                "n1",
                                Names.STAMP,
                                stamp))
                        .withAnnotations(Map.of("kubevirt.io/domain", "vm"))
                        .endMetadata()
                        .withNewSpec()
                        .addNewContainer()
                        .withName("compute")
                        .withImage("virt-launcher")
                        .endContainer()
                        .endSpec()
                        .build())
                .create();
        return pod.getSpec().getNodeSelector() != null
                && pod.getSpec().getNodeSelector().containsKey(Names.nodeLabel(stamp));
    }

    /** What a Service does: connections go to the replicas in turn, a dead one included until its readiness is seen. */
    private static final class Service implements AutoCloseable {
        private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private final List<OperatorProcess> ready;
        private final AtomicInteger turn = new AtomicInteger();
        private volatile boolean open = true;

        Service(List<OperatorProcess> replicas) throws IOException {
            ready = new CopyOnWriteArrayList<>(replicas);
            Thread _ = Thread.ofVirtual().start(this::accept);
            Thread _ = Thread.ofVirtual().start(() -> probe(replicas));
        }

        int port() {
            return listener.getLocalPort();
        }

        private void probe(List<OperatorProcess> replicas) {
            while (open) {
                for (OperatorProcess replica : replicas) {
                    try {
                        if (!replica.ready()) {
                            ready.remove(replica);
                        }
                    } catch (IllegalStateException dead) {
                        ready.remove(replica);
                    }
                }
                sleep(Duration.ofSeconds(2));
            }
        }

        private void accept() {
            while (open) {
                try {
                    Socket caller = listener.accept();
                    OperatorProcess replica = ready.get(turn.getAndIncrement() % ready.size());
                    Thread _ = Thread.ofVirtual().start(() -> join(caller, replica.gatePort()));
                } catch (IOException closed) {
                    return;
                }
            }
        }

        private static void join(Socket caller, int port) {
            try (caller;
                    Socket replica = new Socket(InetAddress.getLoopbackAddress(), port)) {
                Thread back = Thread.ofVirtual().start(() -> copy(replica, caller));
                copy(caller, replica);
                back.join();
            } catch (IOException e) {
                // The caller sees its connection closed, as with a pod that is gone.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private static void copy(Socket from, Socket to) {
            try {
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream();
                in.transferTo(out);
                to.close();
            } catch (IOException e) {
                try {
                    from.close();
                    to.close();
                } catch (IOException ignored) {
                    // Both are gone.
                }
            }
        }

        private static void sleep(Duration time) {
            try {
                Thread.sleep(time);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void close() throws IOException {
            open = false;
            listener.close();
        }
    }
}
