package dev.vmabi.lab;

import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.demo.Driver;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.User;
import dev.vmabi.image.UnpackedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * {@code make lab-images}: the arm64 images of agent and operator on an arm64 kernel with KVM. The agent's reads and proves
 * on it, the operator's pins what it proved and labels its node.
 */
public final class LabImages {

    /** Group of {@code /dev/kvm} in {@code run-images}. */
    private static final String KVM = "78";

    /** For the API server, in milliseconds: on a busy machine an emulated host needs more than ten seconds. */
    private static final String PATIENCE = "300000";

    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec: {nodeSelector: {matchLabels: {example.com/pool: neoverse-n1}}}
            """;

    private final LabCache cache = LabCache.prepared();
    private final LabCluster cluster;
    private final Map<String, Path> files = new TreeMap<>();

    private LabImages(LabCluster cluster) {
        this.cluster = cluster;
    }

    public static void main(String[] arguments) {
        Driver.run("The arm64 images do not work", LabCluster.LIMIT, () -> {
            try (LabCluster cluster = new LabCluster()) {
                new LabImages(cluster).work();
            }
            return null;
        });
    }

    private void work() throws IOException {
        LabHost kind = new LabHost("6.12", "neoverse-n1");
        files.put("lab/pod", cache.program("pod"));
        add("agent", Map.of("NODE_NAME", kind.name()));
        add(
                "operator",
                Map.of(
                        "VMABI_NAMESPACE", "vmabi-system",
                        "VMABI_IDENTITY", "image",
                        "QUARKUS_HTTP_PORT", "8082",
                        "KUBERNETES_CONNECTION_TIMEOUT", PATIENCE,
                        "KUBERNETES_REQUEST_TIMEOUT", PATIENCE));
        files.put("lab/run", Path.of(LabCache.script("run-images")));
        try (EmulatedHost host = cluster.boot(cache, cache.overlay("images", files), kind)) {
            String release = cluster.awaitReport(host);
            NodeABISpec report = cluster.report(kind.name()).orElseThrow();
            System.out.printf(
                    "lab: on Linux %s the agent's image reports %s and profile %.16s%n",
                    release, report.kvm().state(), report.profile());
            cluster.client()
                    .load(new ByteArrayInputStream(POLICY.getBytes(StandardCharsets.UTF_8)))
                    .create();
            String baseline = LabCluster.await("a baseline that the node has proved", this::baseline);
            LabCluster.await("the node's label", () -> label(kind, baseline));
            System.out.printf("lab: the operator's image pinned %.16s and labelled the node%n", baseline);
        }
    }

    private Optional<String> baseline() {
        return Optional.ofNullable(cluster.client()
                        .resources(VirtualMachineABI.class)
                        .withName("pool")
                        .get()
                        .getStatus())
                .filter(s -> s.nodes() != null && s.nodes().accepting() == 1)
                .map(VirtualMachineABIStatus::baseline)
                .map(b -> b.digest());
    }

    private Optional<String> label(LabHost host, String digest) {
        String label = Names.nodeLabel(digest.substring(0, 16));
        return Optional.ofNullable(cluster.client()
                .nodes()
                .withName(host.name())
                .get()
                .getMetadata()
                .getLabels()
                .get(label));
    }

    /** The files of an image, how it is started, and what its pod gets of a service account. */
    private void add(String name, Map<String, String> environment) throws IOException {
        UnpackedImage image = new UnpackedImage(
                Path.of("target/images/vmabi-" + name + "-arm64.tar"), Path.of("target/lab-images", name));
        try (Stream<Path> all = Files.walk(image.root())) {
            all.filter(Files::isRegularFile)
                    .forEach(file ->
                            files.put("images/" + name + "/" + image.root().relativize(file), file));
        }
        ApiServer server = cluster.server();
        List<String> words = new ArrayList<>(image.environment());
        environment.forEach((variable, value) -> words.add(variable + "=" + value));
        words.add("KUBERNETES_SERVICE_HOST=kubernetes.default.svc");
        words.add("KUBERNETES_SERVICE_PORT=" + server.url().getPort());
        words.addAll(List.of("/lab/pod", "/images/" + name, KVM));
        words.addAll(image.entryPoint());
        text("lab/" + name, String.join("\n", words) + "\n");
        User account = User.serviceAccount("vmabi-system", "vmabi-" + name);
        String node = environment.get("NODE_NAME");
        text("lab/secrets-" + name + "/token", server.token(node == null ? account : account.onNode(node)));
        text("lab/secrets-" + name + "/ca.crt", server.caCertificate());
        text("lab/secrets-" + name + "/namespace", "vmabi-system");
    }

    private void text(String path, String content) throws IOException {
        Path file = Path.of("target/lab-images/files").resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
        files.put(path, file);
    }
}
