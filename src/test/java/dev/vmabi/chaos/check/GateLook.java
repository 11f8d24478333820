package dev.vmabi.chaos.check;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/** Asks the gate every second, by a dry run, where a running guest may go: it may refuse, but it must answer. */
final class GateLook implements AutoCloseable {
    private static final int FORBIDDEN = 403;

    private final KubernetesClient client;
    private final Supplier<Picture> picture;
    private final BiConsumer<String, String> broken;
    private final ScheduledExecutorService asking = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("gate-look").daemon().factory());
    private volatile Optional<Mismatch> wrong = Optional.empty();

    GateLook(KubernetesClient client, Supplier<Picture> picture, BiConsumer<String, String> broken) {
        this.client = client;
        this.picture = picture;
        this.broken = broken;
        Future<?> _ = asking.scheduleWithFixedDelay(this::ask, 1, 1, TimeUnit.SECONDS);
    }

    private void ask() {
        picture.get().vms().values().stream()
                .filter(v -> v.node().isPresent() && v.stamp().isPresent())
                .findFirst()
                .ifPresent(this::ask);
    }

    private void ask(Picture.Vm vm) {
        try {
            Pod admitted = client.resource(target(vm)).dryRun(true).create();
            if (!held(admitted)) {
                broken.accept("VirtualMachineInstance " + vm.key(), "would have got a target pod that goes anywhere");
            }
            wrong = Optional.empty();
        } catch (KubernetesClientException e) {
            String message = String.valueOf(e.getMessage());
            if (message.contains("failed calling webhook")) {
                wrong = Optional.of(new Mismatch("Gate", "does not answer"));
            } else if (e.getCode() == FORBIDDEN) {
                wrong = Optional.empty();
            }
            // Otherwise it was not the gate that did not answer.
        }
    }

    Optional<Mismatch> wrong() {
        return wrong;
    }

    /** Whether the pod goes only to nodes that take its guest. */
    static boolean held(Pod pod) {
        String stamp = pod.getMetadata().getLabels().get(Expected.STAMP);
        Map<String, String> selector = pod.getSpec().getNodeSelector();
        return stamp != null && selector != null && "true".equals(selector.get(Expected.PREFIX + stamp));
    }

    private static Pod target(Picture.Vm vm) {
        String name = vm.key().substring(vm.key().indexOf('/') + 1);
        return new PodBuilder()
                .withNewMetadata()
                .withNamespace(vm.key().substring(0, vm.key().indexOf('/')))
                .withGenerateName("virt-launcher-look-")
                .addToLabels("kubevirt.io", "virt-launcher")
                .addToLabels("kubevirt.io/created-by", vm.uid())
                .addToLabels("kubevirt.io/migrationJobUID", "look")
                .addToLabels(Expected.STAMP, vm.stamp().orElseThrow())
                .addToAnnotations("kubevirt.io/domain", name)
                .addToAnnotations("kubevirt.io/migrationJobName", "look")
                .endMetadata()
                .withNewSpec()
                .withNodeSelector(Map.of("kubernetes.io/arch", "arm64"))
                .addNewContainer()
                .withName("compute")
                .withImage("virt-launcher")
                .endContainer()
                .endSpec()
                .build();
    }

    @Override
    public void close() {
        asking.shutdownNow();
    }
}
