package dev.vmabi.operator;

import dev.vmabi.api.Names;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;

/** Makes the pods that a running guest moves into, by several callers at once, and counts what became of them. */
final class TargetPods implements AutoCloseable {
    static final int CALLERS = 8;
    /** Milliseconds between two pods of a caller: enough of them, and no flood. */
    private static final long PAUSE = 20;

    private static final AtomicInteger NAMES = new AtomicInteger();

    private final ExecutorService callers = Executors.newFixedThreadPool(CALLERS);
    private final AtomicInteger made = new AtomicInteger();
    private final AtomicInteger unheld = new AtomicInteger();
    private final List<Instant> refused = new CopyOnWriteArrayList<>();
    private volatile String lastRefusal = "";

    /** Begins to make them until told to stop. */
    TargetPods(KubernetesClient controller, String stamp, BooleanSupplier stop) {
        for (int i = 0; i < CALLERS; i++) {
            callers.execute(() -> {
                while (!stop.getAsBoolean()) {
                    try {
                        unheld.addAndGet(held(controller, stamp) ? 0 : 1);
                        made.incrementAndGet();
                        Thread.sleep(PAUSE);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        return;
                    } catch (KubernetesClientException e) {
                        lastRefusal = e.getMessage();
                        refused.add(Instant.now());
                    }
                }
            });
        }
    }

    int made() {
        return made.get();
    }

    int unheld() {
        return unheld.get();
    }

    /** When each of those that were refused was. */
    List<Instant> refused() {
        return refused;
    }

    String lastRefusal() {
        return lastRefusal;
    }

    /** Waits until the callers have seen that they are to stop. */
    @Override
    public void close() {
        callers.close();
    }

    /** Waits until the gate is asked and answers. */
    static void awaitHeld(KubernetesClient controller, String stamp) {
        Awaitility.await("the gate is asked")
                .atMost(Duration.ofMinutes(1))
                .ignoreExceptions()
                .until(() -> held(controller, stamp));
    }

    /** Whether a target pod was created that is held to its stamp. */
    static boolean held(KubernetesClient controller, String stamp) {
        Pod pod = controller
                .resource(new PodBuilder()
                        .withNewMetadata()
                        .withNamespace("default")
                        // Ten thousand generated names are not all different.
                        .withName("virt-launcher-vm-" + NAMES.incrementAndGet())
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
}
