package dev.vmabi.lab;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The API server that emulated hosts report to, on this machine's loopback, and their nodes. */
final class LabCluster implements AutoCloseable {

    /** The longest that anything in the lab takes on a machine that does much else. */
    static final Duration PATIENCE = Duration.ofMinutes(15);

    /** The longest that a whole run takes: all pairs of migrations on such a machine. */
    static final Duration LIMIT = Duration.ofHours(4);

    private static final User AGENT = User.serviceAccount("vmabi-system", "vmabi-agent");
    private static final User OPERATOR = User.serviceAccount("vmabi-system", "vmabi-operator");
    private static final String SERVICE_ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount/";
    private static final Path AGENT_JARS = Path.of("target/agent");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ApiServer server = ApiServers.start();
    private final KubernetesClient client = server.client();

    LabCluster() {
        new DemoCluster(client).install();
    }

    KubernetesClient client() {
        return client;
    }

    ApiServer server() {
        return server;
    }

    Path operatorKubeconfig() {
        return server.kubeconfig(OPERATOR);
    }

    Path directory() {
        return server.directory();
    }

    /** An archive for hosts: the agent as it ships, how to reach this server, and the second reader. */
    Path agentOverlay(LabCache cache) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        try (Stream<Path> jars = Files.list(AGENT_JARS)) {
            jars.forEach(jar -> files.put("lab/agent/" + jar.getFileName(), jar));
        }
        files.put("lab/run", Path.of(LabCache.script("run-agent")));
        files.put("lab/reader", cache.reader());
        // As in a pod: a mounted service account, and an environment that names the server.
        files.put(SERVICE_ACCOUNT + "ca.crt", write(cache, "ca.crt", server.caCertificate()));
        files.put(SERVICE_ACCOUNT + "token", write(cache, "token", server.token(AGENT)));
        files.put(
                "lab/environment",
                write(
                        cache,
                        "environment",
                        "export KUBERNETES_SERVICE_HOST=kubernetes.default.svc KUBERNETES_SERVICE_PORT="
                                + server.url().getPort() + "\n"));
        return cache.overlay("lab", files);
    }

    private static Path write(LabCache cache, String name, String content) throws IOException {
        return Files.writeString(cache.directory().resolve(name), content);
    }

    /** Boots a host as a node of its pool, and reports of it what its kubelet would. */
    EmulatedHost boot(LabCache cache, Path overlay, LabHost kind) {
        client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(kind.name())
                        .addToLabels("kubernetes.io/arch", "arm64")
                        .addToLabels("kubernetes.io/hostname", kind.name())
                        .addToLabels("kubevirt.io/schedulable", "true")
                        .addToLabels("example.com/pool", kind.pool())
                        .endMetadata()
                        .build())
                .create();
        return new EmulatedHost(cache, kind, List.of(overlay), List.of());
    }

    /** Waits until a booted host has published, and returns its kernel release. */
    String awaitReport(EmulatedHost host) {
        String[] boot = host.await("lab: boot ", PATIENCE).split(" ", -1);
        setBoot(host.kind().name(), boot[2], boot[3]);
        host.await("published state=", PATIENCE);
        return boot[3];
    }

    private void setBoot(String node, String bootId, String release) {
        client.nodes()
                .withName(node)
                .editStatus(live -> new NodeBuilder(live)
                        .editOrNewStatus()
                        .withConditions()
                        .addNewCondition()
                        .withType("Ready")
                        .withStatus("True")
                        .endCondition()
                        .withNewNodeInfo()
                        .withArchitecture("arm64")
                        .withBootID(bootId)
                        .withKernelVersion(release)
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

    Optional<NodeABISpec> report(String node) {
        return spec("NodeABI", node, NodeABISpec.class);
    }

    Optional<HostProfile> profile(String digest) {
        return spec("ABIProfile", digest, ABIProfileSpec.class).map(ABIProfileSpec::toHostProfile);
    }

    /** Creates a guest ABI, for every agent to prove. */
    void propose(GuestAbi abi) {
        GenericKubernetesResource object = new GenericKubernetesResource();
        object.setApiVersion(Names.API_VERSION);
        object.setKind("GuestABI");
        object.setMetadata(new ObjectMetaBuilder().withName(abi.digest().hex()).build());
        object.setAdditionalProperty("spec", JSON.valueToTree(GuestABISpec.fromGuestAbi(abi)));
        client.resource(object).create();
    }

    /** The operator alone writes guest ABIs: those that were proposed go, so that what it finds is a cluster's. */
    void withdrawProposals() {
        client.genericKubernetesResources(Names.API_VERSION, "GuestABI").delete();
    }

    private <T> Optional<T> spec(String kind, String name, Class<T> type) {
        return Optional.ofNullable(client.genericKubernetesResources(Names.API_VERSION, kind)
                        .withName(name)
                        .get())
                .map(object -> JSON.convertValue(object.get("spec"), type));
    }

    /**
     * How a run ends.
     *
     * @throws IllegalStateException if there are any, with one line of each
     */
    static Void none(List<String> faults) {
        if (!faults.isEmpty()) {
            throw new IllegalStateException(faults.size() + " faults\n  " + String.join("\n  ", faults));
        }
        return null;
    }

    static <T> T await(String what, Supplier<Optional<T>> question) {
        Instant until = Instant.now().plus(PATIENCE);
        while (Instant.now().isBefore(until)) {
            Optional<T> answer = question.get();
            if (answer.isPresent()) {
                return answer.get();
            }
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
        throw new IllegalStateException("waited in vain for " + what);
    }

    @Override
    public void close() {
        client.close();
        server.close();
    }
}
