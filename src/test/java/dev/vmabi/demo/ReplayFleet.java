package dev.vmabi.demo;

import dev.vmabi.agent.ApiClient;
import dev.vmabi.agent.Cluster;
import dev.vmabi.agent.Log;
import dev.vmabi.agent.Metrics;
import dev.vmabi.agent.NodeAgent;
import dev.vmabi.cli.Host;
import dev.vmabi.cli.HostReader;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** Nodes that replay recorded hosts: real Node objects, and for each the real agent in a thread. */
public final class ReplayFleet implements AutoCloseable {
    private static final int MOST_TRIES = 10;
    private static final Path HOSTS = Path.of("src/test/resources/hosts");
    private static final User AGENT = User.serviceAccount("vmabi-system", "vmabi-agent");

    private final KubernetesClient client;
    private final ApiServer server;
    private final HttpClient http;
    private final Map<String, NodeAgent> agents = new ConcurrentHashMap<>();
    private final Map<String, Metrics> metrics = new ConcurrentHashMap<>();
    private final PrintStream agentLog;

    public ReplayFleet(ApiServer server) {
        this.client = server.client();
        this.server = server;
        this.http = ApiClient.client(agentOn("any"));
        this.agentLog = logIn(server.directory());
    }

    private static PrintStream logIn(Path directory) {
        try {
            return new PrintStream(
                    Files.newOutputStream(directory.resolve("agents.log")), true, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As the agent of a node reaches the server: its token is bound to that node. */
    private Cluster agentOn(String node) {
        return Cluster.kubeconfig(server.kubeconfig(AGENT.onNode(node)));
    }

    /** A recorded host, by the name of its file without the ending. */
    public static Host recorded(String name) {
        return HostReader.readAll(List.of(HOSTS.resolve(name + ".json"))).getFirst();
    }

    /** A node joins that runs the kernel of a recorded host, and its agent starts. */
    public void join(String name, String pool, String recorded) {
        Host host = recorded(recorded);
        String boot = UUID.randomUUID().toString();
        Node node = new NodeBuilder()
                .withNewMetadata()
                .withName(name)
                .addToLabels("kubernetes.io/arch", "arm64")
                .addToLabels("kubernetes.io/hostname", name)
                .addToLabels("kubevirt.io/schedulable", "true")
                .addToLabels("example.com/pool", pool)
                .endMetadata()
                .build();
        client.resource(node).create();
        setBoot(name, boot, host.kernelRelease());
        startAgent(name, host, boot);
    }

    /** The node goes down and comes up in the kernel of another recorded host; its agent is not there yet. */
    public void reboot(String name, String recorded) {
        stopAgent(name);
        setBoot(name, UUID.randomUUID().toString(), recorded(recorded).kernelRelease());
    }

    /** The agent comes up on a node that was rebooted into the kernel of a recorded host. */
    public void agentComesUp(String name, String recorded) {
        String boot =
                client.nodes().withName(name).get().getStatus().getNodeInfo().getBootID();
        startAgent(name, recorded(recorded), boot);
    }

    /** The node's kubelet says which boot and kernel it runs, again if somebody else wrote the node meanwhile. */
    public void setBoot(String name, String boot, String kernelRelease) {
        for (int tries = 0; ; tries++) {
            try {
                writeBoot(name, boot, kernelRelease);
                return;
            } catch (KubernetesClientException e) {
                if (e.getCode() != 409 || tries == MOST_TRIES) {
                    throw e;
                }
            }
        }
    }

    private void writeBoot(String name, String boot, String kernelRelease) {
        client.nodes()
                .withName(name)
                .editStatus(n -> new NodeBuilder(n)
                        .editOrNewStatus()
                        .withConditions()
                        .addNewCondition()
                        .withType("Ready")
                        .withStatus("True")
                        .endCondition()
                        .withNewNodeInfo()
                        .withArchitecture("arm64")
                        .withBootID(boot)
                        .withKernelVersion(kernelRelease)
                        .withOperatingSystem("linux")
                        .withContainerRuntimeVersion("")
                        .withKubeProxyVersion("")
                        .withKubeletVersion("")
                        .withMachineID("")
                        .withOsImage("")
                        .withSystemUUID("")
                        .endNodeInfo()
                        .endStatus()
                        .build());
    }

    private void startAgent(String name, Host host, String boot) {
        startAgent(name, new ReplayHost(host.profile(), host.kernelRelease(), boot));
    }

    /** An agent comes up on a node, for a host that answers as its caller wants. */
    public void startAgent(String name, dev.vmabi.agent.Host host) {
        Metrics counts = new Metrics();
        metrics.put(name, counts);
        NodeAgent agent = new NodeAgent(
                name, "demo", host, new ApiClient(agentOn(name), http, counts), counts, new Log(name, agentLog));
        agents.put(name, agent);
        Thread _ = Thread.ofVirtual().name("agent-" + name).start(agent);
    }

    public Set<String> nodes() {
        return Set.copyOf(agents.keySet());
    }

    /** What the node's present agent counts. */
    public Metrics metrics(String node) {
        return metrics.get(node);
    }

    /** The agent goes; the node stays as it is. */
    public void stopAgent(String name) {
        NodeAgent agent = agents.remove(name);
        if (agent != null) {
            agent.stop();
        }
    }

    @Override
    public void close() {
        List.copyOf(agents.keySet()).forEach(this::stopAgent);
        client.close();
    }
}
