package dev.vmabi.scale;

import dev.vmabi.api.Names;
import dev.vmabi.demo.Story;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;

/** Launcher pods as virt-controller creates them, at a rate, and what their creators wait for. */
final class ScalePods {
    static final int BOOTS = 500;
    private static final int A_SECOND = 50;

    private final KubernetesClient client;

    ScalePods(KubernetesClient client) {
        this.client = client;
    }

    /** Whether a migration's target pod of this VM is held to nodes that take it, now; creates nothing. */
    boolean steered(String vm) throws IOException {
        GenericKubernetesResource vmi = vmi(vm);
        String stamp = vmi.getMetadata().getLabels().get(Names.STAMP);
        Pod admitted = client.resource(target(vmi)).dryRun().create();
        return stamp != null && admitted.getSpec().getNodeSelector().containsKey(Names.nodeLabel(stamp));
    }

    private GenericKubernetesResource vmi(String name) {
        return client.genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inNamespace("default")
                .withName(name)
                .get();
    }

    /** Boots {@value #BOOTS} VMs and sends as many targets of migrations, {@value #A_SECOND} of each a second. */
    void load(ScaleTable table, IntFunction<String> vms, IntFunction<String> nodes) throws IOException {
        List<Future<Long>> boots = new ArrayList<>();
        List<Future<Long>> targets = new ArrayList<>();
        List<Future<Long>> others = new ArrayList<>();
        List<GenericKubernetesResource> moving = new ArrayList<>();
        for (int i = 0; i < BOOTS; i++) {
            moving.add(vmi(vms.apply(i)));
        }
        long start = System.nanoTime();
        try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < BOOTS; i++) {
                long due = start + i * 1_000_000_000L / A_SECOND;
                long wait = due - System.nanoTime();
                if (wait > 0) {
                    Story.pause(Duration.ofNanos(wait));
                }
                int number = i;
                boots.add(callers.submit(() -> boot("boot-" + number, nodes.apply(number))));
                targets.add(callers.submit(() -> created(target(moving.get(number)))));
                others.add(callers.submit(() -> created(other())));
            }
            long behind = System.nanoTime() - start;
            report(table, "launcher pod of a boot", boots, others);
            report(table, "launcher pod of a migration", targets, others);
            table.say("%d boots and %d migrations were sent in %.1f s".formatted(BOOTS, BOOTS, behind / 1e9));
        }
    }

    private long boot(String name, String node) {
        GenericKubernetesResource vmi = SimulatedFleet.vmi(name);
        Map<String, Object> status = vmi.get("status");
        status.put("phase", "Scheduling");
        GenericKubernetesResource created = client.resource(vmi).create();
        long took = created(launcher(created).build());
        GenericKubernetesResource _ = client.resource(created).edit(v -> {
            Map<String, Object> now = v.get("status");
            now.put("phase", "Running");
            now.put("nodeName", node);
            return v;
        });
        return took;
    }

    /** Microseconds. */
    private long created(Pod pod) {
        long start = System.nanoTime();
        Pod _ = client.resource(pod).create();
        return (System.nanoTime() - start) / 1_000;
    }

    private static void report(ScaleTable table, String what, List<Future<Long>> gated, List<Future<Long>> others) {
        table.say("%s: p50 %.1f ms, p99 %.1f ms; a pod that no webhook sees: p50 %.1f ms, p99 %.1f ms"
                .formatted(
                        what,
                        percentile(gated, 50),
                        percentile(gated, 99),
                        percentile(others, 50),
                        percentile(others, 99)));
    }

    private static double percentile(List<Future<Long>> calls, int percent) {
        List<Long> times = new ArrayList<>();
        try {
            for (Future<Long> call : calls) {
                times.add(call.get());
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("a pod or VM could not be made: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
        times.sort(null);
        return times.get(times.size() * percent / 100) / 1000.0;
    }

    private static Pod other() {
        return new PodBuilder()
                .withNewMetadata()
                .withNamespace("default")
                .withGenerateName("other-")
                .endMetadata()
                .withNewSpec()
                .addNewContainer()
                .withName("compute")
                .withImage("other")
                .endContainer()
                .endSpec()
                .build();
    }

    private static Pod target(GenericKubernetesResource vmi) {
        return launcher(vmi)
                .editMetadata()
                .addToLabels("kubevirt.io/migrationJobUID", "7c1d9f7e-0000-4000-8000-000000000001")
                .addToAnnotations("kubevirt.io/migrationJobName", "migration")
                .endMetadata()
                .build();
    }

    private static PodBuilder launcher(GenericKubernetesResource vmi) {
        Map<String, String> labels =
                new HashMap<>(Objects.requireNonNullElse(vmi.getMetadata().getLabels(), Map.of()));
        labels.put("kubevirt.io", "virt-launcher");
        labels.put("kubevirt.io/created-by", vmi.getMetadata().getUid());
        Map<String, String> annotations =
                new HashMap<>(Objects.requireNonNullElse(vmi.getMetadata().getAnnotations(), Map.of()));
        annotations.put("kubevirt.io/domain", vmi.getMetadata().getName());
        return new PodBuilder()
                .withNewMetadata()
                .withNamespace("default")
                .withGenerateName("virt-launcher-" + vmi.getMetadata().getName() + "-")
                .withLabels(labels)
                .withAnnotations(annotations)
                .addNewOwnerReference()
                .withApiVersion("kubevirt.io/v1")
                .withKind("VirtualMachineInstance")
                .withName(vmi.getMetadata().getName())
                .withUid(vmi.getMetadata().getUid())
                .withController(true)
                .endOwnerReference()
                .endMetadata()
                .withNewSpec()
                .withNodeSelector(Map.of("kubernetes.io/arch", "arm64", "kubevirt.io/schedulable", "true"))
                .addNewContainer()
                .withName("compute")
                .withImage("virt-launcher")
                .endContainer()
                .endSpec();
    }
}
