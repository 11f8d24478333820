package dev.vmabi.image;

import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.Driver;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * Compares the images with those of a second build of the source; pushes them to a registry; unpacks those for amd64 and has
 * them work on an API server. {@code make images-check} runs it after {@link Images}, here and in a copy of the source. Needs
 * root on Linux, for the images' root file systems, and an amd64 machine.
 */
public final class ImagesCheck {

    private static final Path SCRATCH = Path.of("target/images-check");
    private static final Path AGAIN = SCRATCH.resolve("source").resolve(Images.DIGESTS);
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec: {nodeSelector: {matchLabels: {example.com/pool: pool}}}
            """;

    private final ApiServer server;
    private final KubernetesClient admin;
    private final List<Process> started = new ArrayList<>();

    private ImagesCheck(ApiServer server, KubernetesClient admin) {
        this.server = server;
        this.admin = admin;
    }

    public static void main(String[] arguments) {
        Driver.run("images: the check failed", Duration.ofMinutes(20), () -> {
            String once = Files.readString(Images.DIGESTS);
            String again = Files.readString(AGAIN);
            require(once.equals(again), "built twice from source, the digests are\n" + once + "and\n" + again);
            System.out.println("images: built twice from source, the digests are equal\n" + once.stripTrailing());
            try (Registry registry = new Registry()) {
                Images.push(registry.address());
                registry.requirePullable(Product.chart("appVersion"), Images.digests());
            }
            try (ApiServer server = ApiServers.start();
                    KubernetesClient admin = server.client()) {
                new ImagesCheck(server, admin).work();
            }
            return null;
        });
    }

    private void work() throws IOException, InterruptedException {
        UnpackedImage operator = unpacked(Component.OPERATOR);
        UnpackedImage agent = unpacked(Component.AGENT);
        try {
            commandLine(operator);
            new DemoCluster(admin).install();
            try (ReplayFleet nodes = new ReplayFleet(server)) {
                nodes.join("n-1", "pool", "linux-6.12-cortex-a76");
                nodes.join("n-2", "pool", "linux-6.18-cortex-a76");
                run(
                        operator,
                        "vmabi-operator",
                        Map.of(
                                "VMABI_NAMESPACE", "vmabi-system",
                                "VMABI_IDENTITY", "image",
                                "QUARKUS_HTTP_PORT", "0",
                                "VMABI_GATE_PORT", "0",
                                "VMABI_WEB_PORT", "0"));
                admin.load(new ByteArrayInputStream(POLICY.getBytes(StandardCharsets.UTF_8)))
                        .create();
                await("the operator has pinned, and labelled what was proved", () -> {
                    VirtualMachineABI policy = admin.resources(VirtualMachineABI.class)
                            .withName("pool")
                            .get();
                    return policy.getStatus() != null
                            && policy.getStatus().nodes() != null
                            && policy.getStatus().nodes().accepting() == 2;
                });
                hereIsANode();
                run(agent, "vmabi-agent", Map.of("NODE_NAME", "here"), "--listen", "127.0.0.1:0");
                await("the agent has reported, and the operator has seen it", () -> {
                    NodeABI report =
                            admin.resources(NodeABI.class).withName("here").get();
                    return report != null
                            && report.getStatus() != null
                            && !report.getStatus().conditions().isEmpty();
                });
                System.out.println("images: the agent reports "
                        + admin.resources(NodeABI.class)
                                .withName("here")
                                .get()
                                .getSpec()
                                .kvm()
                                .state());
            }
        } finally {
            for (Process each : started) {
                each.destroy();
                if (!each.waitFor(20, TimeUnit.SECONDS)) {
                    each.destroyForcibly();
                }
            }
        }
        System.out.println("images: operator and agent ended with "
                + started.stream().map(Process::exitValue).toList() + " when asked to");
    }

    private static UnpackedImage unpacked(Component component) throws IOException {
        Image image = new Image(component, "amd64", Images.OUTPUT);
        UnpackedImage unpacked = new UnpackedImage(image.tarball(), SCRATCH.resolve(component.repository()));
        System.out.printf(
                "images: %s: %.1f MB to pull, %.1f MB unpacked, user %s%n",
                image.name(),
                Files.size(image.tarball()) / 1e6,
                unpacked.size() / 1e6,
                unpacked.config().path("User").asText());
        return unpacked;
    }

    private void commandLine(UnpackedImage operator) throws IOException, InterruptedException {
        Process help = operator.command(
                        Map.of(), secrets("default"), List.of("/opt/java/bin/java", "@/opt/vmabi/vmabi", "--help"))
                .start();
        String said = new String(help.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        require(help.waitFor() == 0 && said.contains("preflight"), "vmabi --help said " + said);
        System.out.println("images: vmabi --help answers");
    }

    /** As in a pod: the service account's token, and where the API server is, from the environment. */
    private void run(UnpackedImage image, String serviceAccount, Map<String, String> more, String... arguments)
            throws IOException {
        Map<String, String> environment = new TreeMap<>(more);
        environment.put("KUBERNETES_SERVICE_HOST", server.url().getHost());
        environment.put("KUBERNETES_SERVICE_PORT", String.valueOf(server.url().getPort()));
        Path log = SCRATCH.resolve(serviceAccount + ".log");
        List<String> command = new ArrayList<>(image.entryPoint());
        command.addAll(List.of(arguments));
        started.add(image.command(environment, secrets(serviceAccount), command)
                .redirectOutput(log.toFile())
                .start());
    }

    private Path secrets(String serviceAccount) throws IOException {
        Path directory = SCRATCH.resolve("secrets-" + serviceAccount);
        Files.createDirectories(directory);
        User user = User.serviceAccount("vmabi-system", serviceAccount).onNode("here");
        Files.writeString(directory.resolve("token"), server.token(user));
        Files.writeString(directory.resolve("ca.crt"), server.caCertificate());
        Files.writeString(directory.resolve("namespace"), "vmabi-system");
        return directory;
    }

    private void hereIsANode() throws IOException {
        String boot =
                Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
        admin.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName("here")
                        .endMetadata()
                        .build())
                .create();
        admin.nodes()
                .withName("here")
                .editStatus(n -> new NodeBuilder(n)
                        .editOrNewStatus()
                        .withNewNodeInfo()
                        .withBootID(boot)
                        .withArchitecture("")
                        .withOperatingSystem("linux")
                        .withKernelVersion("")
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

    private void await(String what, Callable<Boolean> condition) {
        Awaitility.await(what)
                .atMost(Duration.ofMinutes(2))
                .ignoreExceptions()
                .pollInterval(Duration.ofMillis(500))
                .until(() -> {
                    started.forEach(p -> require(p.isAlive(), "a process ended; logs are in " + SCRATCH));
                    return condition.call();
                });
        System.out.println("images: " + what);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }
}
