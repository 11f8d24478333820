package dev.vmabi.chaos;

import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.chaos.check.Checker;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** A pool of nodes of one kind with a policy, both named {@value #POOL}, and one operator that has a {@link Tap} before it. */
final class TappedPool implements AutoCloseable {
    static final String POOL = "pool";
    static final String HOST = "linux-6.12-cortex-a76";
    static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int HEAP_MIB = 128;
    private static final String OPERATOR = "operator";
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec: {nodeSelector: {matchLabels: {example.com/pool: pool}}}
            """;

    private final ApiServer server = ApiServers.start();
    private final KubernetesClient client = server.client();
    private final ReplayFleet nodes = new ReplayFleet(server);
    private final Checker checker;
    private final Tap tap;
    private final Optional<FakeClock> clock = FakeClock.of(OPERATOR, server.directory());
    private OperatorProcess operator;

    TappedPool() {
        // The checker watches kinds that have to be defined.
        new DemoCluster(client).install();
        checker = new Checker(server.client(), broken -> {});
        tap = new Tap(OPERATOR, server, checker.writers());
    }

    ApiServer server() {
        return server;
    }

    KubernetesClient client() {
        return client;
    }

    ReplayFleet nodes() {
        return nodes;
    }

    Tap tap() {
        return tap;
    }

    /** The operator's; empty where it cannot be wrong. */
    Optional<FakeClock> clock() {
        return clock;
    }

    OperatorProcess operator() {
        return operator;
    }

    /** How many of the pool's nodes accept its baseline, as the policy's status says. */
    int accepting() {
        return Optional.ofNullable(client.resources(VirtualMachineABI.class)
                        .withName(POOL)
                        .get()
                        .getStatus())
                .map(s -> s.nodes().accepting())
                .orElse(0);
    }

    /** Starts the operator with one node, {@code n1}, and applies the policy once it is ready. */
    void start() {
        nodes.join("n1", POOL, HOST);
        operator = new OperatorProcess(
                tap.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                server.directory(),
                OPERATOR,
                Map.of(),
                HEAP_MIB,
                clock.map(FakeClock::environment).orElse(Map.of()));
        operator.awaitReady(PATIENCE);
        client.load(new ByteArrayInputStream(POLICY.getBytes(StandardCharsets.UTF_8)))
                .serverSideApply();
    }

    @Override
    public void close() {
        if (operator != null) {
            operator.close();
        }
        tap.close();
        checker.close();
        nodes.close();
        client.close();
        server.close();
    }
}
