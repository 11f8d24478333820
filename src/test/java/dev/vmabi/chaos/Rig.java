package dev.vmabi.chaos;

import dev.vmabi.chaos.check.Checker;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.demo.ReplicaService;
import dev.vmabi.devserver.ApiServer;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** All that is put through it: an API server, two operators as they ship, nodes with real agents, and their gate. */
final class Rig implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    /** Nodes of each pool, and the recorded hosts that they run in turn. */
    private record Pool(int nodes, List<String> hosts, String raise) {}

    private static final Map<String, Pool> POOLS = new TreeMap<>(Map.of(
            "a57",
            new Pool(12, List.of("linux-6.12-cortex-a57", "linux-6.18-cortex-a57"), "{soak: 1h}"),
            "a76",
            new Pool(16, List.of("linux-6.12-cortex-a76", "linux-6.18-cortex-a76"), "{soak: 1h}"),
            "max",
            new Pool(4, List.of("linux-6.12-max"), "{soak: 30s}")));

    final ApiServer server;
    final KubernetesClient admin;
    final Checker checker;
    final ReplayFleet fleet;
    final List<Replica> replicas = new ArrayList<>();
    final ReplicaService service;
    /** The recorded host that each node runs. */
    final Map<String, String> hosts = new TreeMap<>();

    private final ScheduledExecutorService kubelet = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("kubelet").daemon().factory());

    Rig(ApiServer server) throws IOException {
        this.server = server;
        admin = server.client();
        new DemoCluster(admin).install();
        checker = new Checker(server.client(), broken -> System.out.println("broken: " + broken));
        for (String name : List.of("operator-1", "operator-2")) {
            replicas.add(new Replica(name, server, checker.writers()));
        }
        service = new ReplicaService(replicas.stream().map(Replica::process).toList());
        Future<?> _ = kubelet.scheduleWithFixedDelay(
                () -> replicas.forEach(r -> r.restartIfEnded(service)), 1, 1, TimeUnit.SECONDS);
        await("the operators to be ready", () -> replicas.stream().allMatch(Replica::ready));
        fleet = new ReplayFleet(server);
        POOLS.forEach((pool, of) -> {
            for (int i = 0; i < of.nodes(); i++) {
                String node = "%s-%02d".formatted(pool, i + 1);
                String host = of.hosts().get(i % of.hosts().size());
                fleet.join(node, pool, host);
                hosts.put(node, host);
            }
            apply("""
                    apiVersion: vmabi.dev/v1alpha1
                    kind: VirtualMachineABI
                    metadata: {name: %1$s}
                    spec:
                      nodeSelector: {matchLabels: {example.com/pool: %1$s}}
                      vmm: {name: qemu, minimumVersion: "11.1"}
                      raise: %2$s
                    """.formatted(pool, of.raise()));
        });
        new DemoCluster(admin).gate(service.port());
        await(
                "every pool to be pinned and all to be right",
                () -> pinned() && checker.wrong().isEmpty());
    }

    private boolean pinned() {
        return admin.genericKubernetesResources("vmabi.dev/v1alpha1", "VirtualMachineABI").list().getItems().stream()
                        .filter(p -> p.get("status", "baseline", "digest") != null)
                        .count()
                == POOLS.size();
    }

    void apply(String yaml) {
        admin.load(new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8)))
                .serverSideApply();
    }

    List<String> nodes() {
        return List.copyOf(hosts.keySet());
    }

    static String pool(String node) {
        return node.substring(0, node.indexOf('-'));
    }

    /** The replica that was last seen to lead. */
    Replica leader() {
        String holder = checker.writers().holder();
        return replicas.stream()
                .filter(r -> r.name().equals(holder))
                .findFirst()
                .orElse(replicas.getFirst());
    }

    private void await(String what, BooleanSupplier condition) {
        if (!becomes(PATIENCE, condition)) {
            throw new IllegalStateException("waited " + PATIENCE.toMinutes() + " minutes for " + what + "; not right: "
                    + checker.wrong().stream().limit(10).toList() + "\n"
                    + replicas.getFirst().process().tail());
        }
    }

    /** Whether it becomes so in that time. */
    static boolean becomes(Duration within, BooleanSupplier condition) {
        for (Instant end = Instant.now().plus(within); Instant.now().isBefore(end); ) {
            if (condition.getAsBoolean()) {
                return true;
            }
            pause(Duration.ofMillis(200));
        }
        return false;
    }

    static void pause(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    @Override
    public void close() throws IOException {
        kubelet.shutdownNow();
        fleet.close();
        service.close();
        replicas.forEach(Replica::close);
        checker.close();
        admin.close();
        server.close();
    }
}
