package dev.vmabi.scale;

import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.demo.Driver;
import dev.vmabi.demo.OperatorProcess;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.KubernetesResourceList;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.dsl.AnyNamespaceOperation;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the same API server makes a bare client wait for the same number of patches, and for lists of the same objects: the
 * operator's client library in a process of its own, with the operator's flags, heap and concurrency, and nothing else.
 */
final class Floor {
    /** As the Java Operator SDK reconciles, and as the operator stamps. */
    private static final int NODES_AT_ONCE = 50;

    private static final int VMS_AT_ONCE = 16;
    private static final int VMS_PATCHED = 5_000;
    private static final long PAGE = 500;
    private static final Duration LIMIT = Duration.ofMinutes(30);
    private static final String SEEN = "floor.example.com/seen";
    private static final Pattern TOOK = Pattern.compile("(?m)^(\\w+) (\\d+) ms$");

    private static final PatchContext APPLY = new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager("floor")
            .withForce(true)
            .build();

    private final KubernetesClient client;

    private Floor(KubernetesClient client) {
        this.client = client;
    }

    /**
     * One label on every node, one on every report and one on every VM, by server-side apply.
     *
     * @param vms of more than {@value #VMS_PATCHED} VMs as many are patched, and the time is that many times longer
     */
    record Patches(Duration nodes, Duration vms) {}

    /**
     * @param process from the start of the process
     * @param lists from the first request
     */
    record Lists(Duration process, Duration lists) {}

    static Patches patches(Path kubeconfig, int heapMiB, int nodes, int vms) {
        int patched = Math.min(vms, VMS_PATCHED);
        Map<String, Duration> took =
                run(kubeconfig, heapMiB, "patches", String.valueOf(nodes), String.valueOf(patched));
        return new Patches(took.get("nodes"), took.get("vms").multipliedBy(vms).dividedBy(Math.max(1, patched)));
    }

    static Lists lists(Path kubeconfig, int heapMiB) {
        long start = System.nanoTime();
        Map<String, Duration> took = run(kubeconfig, heapMiB, "lists");
        return new Lists(Duration.ofNanos(System.nanoTime() - start), took.get("lists"));
    }

    private static Map<String, Duration> run(Path kubeconfig, int heapMiB, String... arguments) {
        List<String> command = new ArrayList<>(OperatorProcess.java(heapMiB));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Floor.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("KUBECONFIG", kubeconfig.toString());
        try {
            Process process = builder.start();
            Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
                throw new IllegalStateException("the bare client failed: " + said);
            }
            Map<String, Duration> took = new HashMap<>();
            Matcher line = TOOK.matcher(said);
            while (line.find()) {
                took.put(line.group(1), Duration.ofMillis(Long.parseLong(line.group(2))));
            }
            return took;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Prints what took how many milliseconds. */
    public static void main(String[] arguments) {
        Driver.run("The bare client failed", LIMIT, () -> {
            Config config = new ConfigBuilder(Config.autoConfigure(null))
                    .withRequestTimeout(60_000)
                    .build();
            try (KubernetesClient client =
                    new KubernetesClientBuilder().withConfig(config).build()) {
                Floor floor = new Floor(client);
                if (arguments[0].equals("lists")) {
                    timed("lists", floor::lists);
                } else {
                    floor.patches(Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]));
                }
            }
            return null;
        });
    }

    private void patches(int nodes, int vms) {
        // The operator has answered every report once before there is a policy, and is as warm as that made it.
        reports(nodes, "floor.example.com/warm");
        timed("nodes", () -> {
            SimulatedFleet.parallel(NODES_AT_ONCE, nodes, i -> label("v1", "Node", null, Trial.node(i), SEEN));
            reports(nodes, SEEN);
        });
        timed(
                "vms",
                () -> SimulatedFleet.parallel(
                        VMS_AT_ONCE,
                        vms,
                        i -> label("kubevirt.io/v1", "VirtualMachineInstance", "default", Trial.vm(i), SEEN)));
    }

    private static void timed(String what, Runnable work) {
        long start = System.nanoTime();
        work.run();
        System.out.println(
                what + " " + Duration.ofNanos(System.nanoTime() - start).toMillis() + " ms");
    }

    private void reports(int nodes, String label) {
        SimulatedFleet.parallel(
                NODES_AT_ONCE, nodes, i -> label(Names.API_VERSION, "NodeABI", null, Trial.node(i), label));
    }

    private void label(String apiVersion, String kind, String namespace, String name, String label) {
        var _ = client.resource(new GenericKubernetesResourceBuilder()
                        .withApiVersion(apiVersion)
                        .withKind(kind)
                        .withNewMetadata()
                        .withNamespace(namespace)
                        .withName(name)
                        .withLabels(Map.of(label, "true"))
                        .endMetadata()
                        .build())
                .patch(APPLY);
    }

    /** Every kind that the operator reads, once, page by page as it does, read into objects that are let go again. */
    private void lists() {
        pages(client.nodes());
        pages(client.namespaces());
        pages(client.resources(NodeABI.class));
        pages(client.resources(ABIProfile.class));
        pages(client.resources(GuestABI.class));
        pages(client.genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inAnyNamespace());
    }

    private static void pages(AnyNamespaceOperation<?, ? extends KubernetesResourceList<?>, ?> kind) {
        String next = null;
        do {
            next = kind.list(new ListOptionsBuilder()
                            .withLimit(PAGE)
                            .withContinue(next)
                            .build())
                    .getMetadata()
                    .getContinue();
        } while (next != null && !next.isEmpty());
    }
}
