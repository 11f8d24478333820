package dev.vmabi.scale;

import dev.vmabi.api.Names;
import dev.vmabi.demo.Story;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/** Launcher pods as virt-controller creates them, at a rate, and what their creators wait for. */
final class ScalePods {
    static final int BOOTS = 500;
    static final int WARM = 200;
    private static final int A_SECOND = 50;

    private final KubernetesClient client;
    private final AtomicInteger sentAgain = new AtomicInteger();

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

    /** What their creators waited for, in microseconds. */
    private record Calls(List<Future<Long>> boots, List<Future<Long>> targets, List<Future<Long>> others) {}

    /** Boots {@value #WARM} VMs and sends as many targets of migrations, so that no code is new to who takes part. */
    void warm(IntFunction<String> vms, IntFunction<String> nodes) throws IOException {
        Calls calls = send(WARM, "warm-", vms, nodes);
        percentile(calls.boots(), 50);
        percentile(calls.targets(), 50);
        percentile(calls.others(), 50);
    }

    /** Boots {@value #BOOTS} VMs and sends as many targets of migrations, {@value #A_SECOND} of each a second. */
    void load(ScaleTable table, IntFunction<String> vms, IntFunction<String> nodes) throws IOException {
        sentAgain.set(0);
        long start = System.nanoTime();
        Calls calls = send(BOOTS, "boot-", vms, nodes);
        long took = System.nanoTime() - start;
        report(table, "launcher pod of a boot", calls.boots(), calls.others());
        report(table, "launcher pod of a migration", calls.targets(), calls.others());
        table.say("%d boots and %d migrations in %.1f s; %d calls lost their connection and were sent again"
                .formatted(BOOTS, BOOTS, took / 1e9, sentAgain.get()));
    }

    private Calls send(int number, String prefix, IntFunction<String> vms, IntFunction<String> nodes)
            throws IOException {
        Calls calls = new Calls(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        List<GenericKubernetesResource> moving = new ArrayList<>();
        for (int i = 0; i < number; i++) {
            moving.add(vmi(vms.apply(i)));
        }
        long start = System.nanoTime();
        try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < number; i++) {
                long due = start + i * 1_000_000_000L / A_SECOND;
                long wait = due - System.nanoTime();
                if (wait > 0) {
                    Story.pause(Duration.ofNanos(wait));
                }
                int at = i;
                calls.boots().add(callers.submit(() -> boot(prefix + at, nodes.apply(at))));
                calls.targets().add(callers.submit(() -> created(target(moving.get(at)))));
                calls.others().add(callers.submit(() -> created(other())));
            }
        }
        return calls;
    }

    private long boot(String name, String node) {
        GenericKubernetesResource vmi = SimulatedFleet.vmi(name);
        vmi.getMetadata().setNamespace("default");
        Map<String, Object> status = vmi.get("status");
        status.put("phase", "Scheduling");
        GenericKubernetesResource created = again(() -> client.resource(vmi).serverSideApply());
        long took = created(launcher(created).build());
        status.put("phase", "Running");
        status.put("nodeName", node);
        GenericKubernetesResource _ = again(() -> client.resource(vmi).serverSideApply());
        return took;
    }

    /** Microseconds. */
    private long created(Pod pod) {
        long start = System.nanoTime();
        Pod _ = again(() -> client.resource(pod).create());
        return (System.nanoTime() - start) / 1_000;
    }

    /** A connection that the server ends as a call is on its way fails the call, which is sent once more. */
    private <T> T again(Supplier<T> call) {
        try {
            return call.get();
        } catch (KubernetesClientException e) {
            if (e.getCode() != 0) {
                throw e;
            }
            sentAgain.incrementAndGet();
            return call.get();
        }
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
