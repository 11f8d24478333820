package dev.vmabi.operator;

import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.FreePort;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinitionBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * KubeVirt's own virt-controller and Kubernetes' own scheduler, as processes beside a real API server. No node, no
 * virt-handler and no virt-api is there; {@link KubeVirtNodes} plays what these two wait for.
 */
final class VirtController implements AutoCloseable {
    /** The launcher image of this KubeVirt: a VM with another one is outdated. */
    static final String LAUNCHER = "virt-launcher:current";

    private static final String PROGRAM = "VIRT_CONTROLLER";
    private static final String ASSETS = "KUBEBUILDER_ASSETS";

    /** What it watches beside VMs and migrations: kind, plural, group, version. */
    private static final List<String> KINDS = List.of(
            "KubeVirt kubevirts kubevirt.io v1",
            "VirtualMachine virtualmachines kubevirt.io v1",
            "VirtualMachineInstanceReplicaSet virtualmachineinstancereplicasets kubevirt.io v1",
            "VirtualMachineInstancePreset virtualmachineinstancepresets kubevirt.io v1",
            "VirtualMachinePool virtualmachinepools pool.kubevirt.io v1beta1",
            "MigrationPolicy migrationpolicies migrations.kubevirt.io v1alpha1",
            "VirtualMachineBackup virtualmachinebackups backup.kubevirt.io v1alpha1",
            "VirtualMachineBackupTracker virtualmachinebackuptrackers backup.kubevirt.io v1alpha1",
            "VirtualMachineClone virtualmachineclones clone.kubevirt.io v1beta1",
            "VirtualMachineExport virtualmachineexports export.kubevirt.io v1",
            "VirtualMachineInstancetype virtualmachineinstancetypes instancetype.kubevirt.io v1beta1",
            "VirtualMachineClusterInstancetype virtualmachineclusterinstancetypes instancetype.kubevirt.io v1beta1",
            "VirtualMachinePreference virtualmachinepreferences instancetype.kubevirt.io v1beta1",
            "VirtualMachineClusterPreference virtualmachineclusterpreferences instancetype.kubevirt.io v1beta1",
            "VirtualMachineSnapshot virtualmachinesnapshots snapshot.kubevirt.io v1beta1",
            "VirtualMachineSnapshotContent virtualmachinesnapshotcontents snapshot.kubevirt.io v1beta1",
            "VirtualMachineRestore virtualmachinerestores snapshot.kubevirt.io v1beta1");

    private final List<Process> processes = new ArrayList<>();
    private final Path log;

    /** What keeps this from being started here, in one line. */
    static Optional<String> missing() {
        String assets = System.getenv(ASSETS);
        if (assets == null
                || !Stream.of("kube-apiserver", "kube-scheduler")
                        .allMatch(p -> Files.isExecutable(Path.of(assets, p)))) {
            return Optional.of(ASSETS + " names no kube-apiserver and kube-scheduler");
        }
        String program = System.getenv(PROGRAM);
        return program == null || !Files.isExecutable(Path.of(program))
                ? Optional.of(PROGRAM + " names no virt-controller")
                : Optional.empty();
    }

    /** Starts both; the API server has the definitions of VMs and migrations already. */
    VirtController(ApiServer server) {
        log = server.directory().resolve("virt-controller.log");
        try (KubernetesClient admin = server.client()) {
            KINDS.stream()
                    .map(k -> k.split(" ", -1))
                    .forEach(k ->
                            admin.resource(definition(k[0], k[1], k[2], k[3])).create());
            KINDS.stream().map(k -> k.split(" ", -1)).forEach(k -> awaitServed(admin, k[1] + "." + k[2]));
            GenericKubernetesResource kubevirt = new GenericKubernetesResourceBuilder()
                    .withApiVersion("kubevirt.io/v1")
                    .withKind("KubeVirt")
                    .withNewMetadata()
                    .withNamespace("kubevirt")
                    .withName("kubevirt")
                    .endMetadata()
                    .addToAdditionalProperties(
                            "spec",
                            Map.of(
                                    "configuration",
                                    Map.of("evictionStrategy", "LiveMigrate"),
                                    "workloadUpdateStrategy",
                                    Map.of()))
                    .build();
            admin.resource(kubevirt).create();
            GenericKubernetesResource created = admin.resource(kubevirt).get();
            created.setAdditionalProperty("status", new HashMap<>(Map.of("phase", "Deployed")));
            admin.resource(created).updateStatus();
        }
        String assets = System.getenv(ASSETS);
        run(
                server.directory().resolve("kube-scheduler.log"),
                assets + "/kube-scheduler",
                "--kubeconfig=" + server.kubeconfig(),
                "--leader-elect=false",
                "--secure-port=0");
        // It insists on directories below /etc; in a mount namespace of its own they cost nobody else anything.
        run(
                log,
                "unshare",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                "mount -t tmpfs none /etc && cd /etc && mkdir -p virt-controller/certificates virt-controller/exportca"
                        + " virt-controller/backupca && exec \"$0\" \"$@\"",
                System.getenv(PROGRAM),
                "--kubeconfig=" + server.kubeconfig(User.serviceAccount("kubevirt", "kubevirt-controller")),
                "--listen=127.0.0.1",
                "--port=" + FreePort.next(),
                "--launcher-image=" + LAUNCHER);
    }

    /** Its log, for what a test did not expect. */
    Path log() {
        return log;
    }

    private static CustomResourceDefinition definition(String kind, String plural, String group, String version) {
        return new CustomResourceDefinitionBuilder()
                .withNewMetadata()
                .withName(plural + "." + group)
                .endMetadata()
                .withNewSpec()
                .withGroup(group)
                .withScope(kind.contains("Cluster") || kind.equals("MigrationPolicy") ? "Cluster" : "Namespaced")
                .withNewNames()
                .withKind(kind)
                .withPlural(plural)
                .endNames()
                .addNewVersion()
                .withName(version)
                .withServed(true)
                .withStorage(true)
                .withNewSubresources()
                .withNewStatus()
                .endStatus()
                .endSubresources()
                .withNewSchema()
                .withNewOpenAPIV3Schema()
                .withType("object")
                .withXKubernetesPreserveUnknownFields(true)
                .endOpenAPIV3Schema()
                .endSchema()
                .endVersion()
                .endSpec()
                .build();
    }

    private static void awaitServed(KubernetesClient admin, String name) {
        admin.apiextensions()
                .v1()
                .customResourceDefinitions()
                .withName(name)
                .waitUntilCondition(
                        crd -> crd != null
                                && crd.getStatus() != null
                                && crd.getStatus().getConditions().stream()
                                        .anyMatch(c -> c.getType().equals("Established")
                                                && c.getStatus().equals("True")),
                        30,
                        TimeUnit.SECONDS);
    }

    private void run(Path log, String... command) {
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("POD_NAMESPACE", "kubevirt");
        builder.environment().put("NODE_NAME", "control-plane");
        try {
            processes.add(builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException(command[0] + " did not start", e);
        }
    }

    @Override
    public void close() {
        processes.forEach(Process::destroy);
        for (Process process : processes) {
            try {
                if (!process.waitFor(10, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }
}
