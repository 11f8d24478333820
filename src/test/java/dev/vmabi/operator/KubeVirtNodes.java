package dev.vmabi.operator;

import dev.vmabi.api.Names;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.ContainerStatusBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodCondition;
import io.fabric8.kubernetes.api.model.PodConditionBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** Plays the kubelets, virt-handlers and virt-api that virt-controller waits for, and the people who ask for things. */
final class KubeVirtNodes implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String NAMESPACE = "default";

    private final KubernetesClient admin;
    private final KubernetesClient person;

    KubeVirtNodes(ApiServer server) {
        admin = server.client();
        person = server.client(new User("alice", "platform-team"));
    }

    /** What kubelet and virt-handler say of a node that can run VMs. */
    void equip(String node) {
        Map<String, Quantity> room = new HashMap<>(Map.of(
                "cpu", new Quantity("64"),
                "memory", new Quantity("256Gi"),
                "pods", new Quantity("200"),
                "ephemeral-storage", new Quantity("500Gi")));
        Stream.of("kvm", "tun", "vhost-net").forEach(d -> room.put("devices.kubevirt.io/" + d, new Quantity("1k")));
        admin.nodes()
                .withName(node)
                .edit(n -> new NodeBuilder(n)
                        .editMetadata()
                        .addToLabels("machine-type.node.kubevirt.io/virt", "true")
                        .addToAnnotations(
                                "kubevirt.io/heartbeat",
                                now().plus(1, ChronoUnit.DAYS).toString())
                        .endMetadata()
                        .build());
        admin.nodes()
                .withName(node)
                .editStatus(n -> new NodeBuilder(n)
                        .editStatus()
                        .withCapacity(room)
                        .withAllocatable(room)
                        .endStatus()
                        .build());
    }

    void cordon(String node, boolean cordoned) {
        admin.nodes()
                .withName(node)
                .edit(n -> new NodeBuilder(n)
                        .editOrNewSpec()
                        .withUnschedulable(cordoned)
                        .endSpec()
                        .build());
    }

    /** A person creates a VM; virt-controller makes its pod, the scheduler places it, and it runs. Returns the pod. */
    Pod boot(String name) {
        create(name, Map.of());
        return comesUp(name);
    }

    /** A person creates a VM with a node selector. */
    void create(String name, Map<String, String> nodeSelector) {
        Map<String, Object> spec = new HashMap<>(spec());
        spec.put("nodeSelector", nodeSelector);
        GenericKubernetesResource vmi = new GenericKubernetesResourceBuilder()
                .withApiVersion("kubevirt.io/v1")
                .withKind("VirtualMachineInstance")
                .withNewMetadata()
                .withNamespace(NAMESPACE)
                .withName(name)
                .addToAnnotations("kubevirt.io/latest-observed-api-version", "v1")
                .addToAnnotations("kubevirt.io/storage-observed-api-version", "v1")
                .addToAnnotations("kubevirt.io/nonroot", "true")
                .addToFinalizers("kubevirt.io/foregroundDeleteVirtualMachine")
                .endMetadata()
                .addToAdditionalProperties("spec", spec)
                .build();
        person.resource(vmi).create();
    }

    /** The VM's pod is placed and comes up, and the guest runs. Returns the pod. */
    Pod comesUp(String name) {
        Pod pod = runs(placed("kubevirt.io/created-by", vmi(name).getMetadata().getUid()));
        String node = pod.getSpec().getNodeName();
        Awaitility.await(name + " to be scheduled")
                .atMost(PATIENCE)
                .until(() -> "Scheduled".equals(vmi(name).get("status", "phase")));
        status(name, status -> {
            status.put("phase", "Running");
            status.put("nodeName", node);
            status.put("migrationMethod", "LiveMigration");
            status.put("migrationTransport", "Unix");
            status.put("selinuxContext", "none");
            status.put("launcherContainerImageVersion", VirtController.LAUNCHER);
            status.put("machine", Map.of("type", "virt"));
            status.put(
                    "conditions",
                    Stream.of("LiveMigratable", "StorageLiveMigratable", "Ready")
                            .map(c -> Map.of("type", c, "status", "True", "lastTransitionTime", now().toString()))
                            .toList());
        });
        return pod;
    }

    /** As virt-api has filled it in. */
    private static Map<String, Object> spec() {
        return Map.of(
                "architecture",
                "arm64",
                "evictionStrategy",
                "LiveMigrate",
                "domain",
                Map.of(
                        "machine", Map.of("type", "virt"),
                        "cpu", Map.of("cores", 1, "sockets", 1, "threads", 1, "model", "host-passthrough"),
                        "memory", Map.of("guest", "256Mi"),
                        "resources", Map.of("requests", Map.of("memory", "256Mi")),
                        "devices",
                                Map.of(
                                        "disks", List.of(Map.of("name", "d", "disk", Map.of("bus", "virtio"))),
                                        "interfaces", List.of(Map.of("name", "default", "masquerade", Map.of())))),
                "networks",
                List.of(Map.of("name", "default", "pod", Map.of())),
                "volumes",
                List.of(Map.of("name", "d", "emptyDisk", Map.of("capacity", "1Gi"))));
    }

    /** A person asks for a migration. */
    GenericKubernetesResource migrate(String vm, String name) {
        return person.resource(migration(vm, name)).create();
    }

    /** Whether the gate would let a person's migration through now. */
    boolean mayMigrate(String vm) {
        try {
            person.resource(migration(vm, "asked-first")).dryRun().create();
            return true;
        } catch (KubernetesClientException e) {
            if (e.getCode() == 403) {
                return false;
            }
            throw e;
        }
    }

    /** As virt-api has filled it in. */
    private static GenericKubernetesResource migration(String vm, String name) {
        return new GenericKubernetesResourceBuilder()
                .withApiVersion("kubevirt.io/v1")
                .withKind("VirtualMachineInstanceMigration")
                .withNewMetadata()
                .withNamespace(NAMESPACE)
                .withName(name)
                .addToLabels("kubevirt.io/vmi-name", vm)
                .addToFinalizers("kubevirt.io/migrationJobFinalize")
                .endMetadata()
                .addToAdditionalProperties("spec", new HashMap<>(Map.of("vmiName", vm)))
                .build();
    }

    /** What admission makes of a target pod of the VM that is not created. */
    Pod wouldBecome(String vm, String stamp) {
        return admin.resource(new PodBuilder()
                        .withNewMetadata()
                        .withNamespace(NAMESPACE)
                        .withGenerateName("virt-launcher-" + vm + "-")
                        .addToLabels("kubevirt.io", "virt-launcher")
                        .addToLabels("kubevirt.io/migrationJobUID", "none")
                        .addToLabels(Names.STAMP, stamp)
                        .addToAnnotations("kubevirt.io/domain", vm)
                        .endMetadata()
                        .withNewSpec()
                        .addToNodeSelector("kubernetes.io/arch", "arm64")
                        .addNewContainer()
                        .withName("compute")
                        .withImage("virt-launcher")
                        .endContainer()
                        .endSpec()
                        .build())
                .dryRun()
                .create();
    }

    /** The target pod of a migration comes up and the guest moves into it. Returns the pod. */
    Pod arrives(GenericKubernetesResource vmim) {
        Pod pod = runs(placed("kubevirt.io/migrationJobUID", vmim.getMetadata().getUid()));
        String vm = vmim.get("spec", "vmiName");
        String node = pod.getSpec().getNodeName();
        Awaitility.await(vm + " to be handed over")
                .atMost(PATIENCE)
                .until(() -> node.equals(vmi(vm).get("status", "migrationState", "targetNode")));
        status(vm, status -> {
            Map<String, Object> state = new HashMap<>(vmi(vm).<Map<String, Object>>get("status", "migrationState"));
            state.putAll(Map.of(
                    "targetNodeAddress", "10.1.0.9",
                    "startTimestamp", now().toString(),
                    "targetNodeDomainReadyTimestamp", now().toString(),
                    "endTimestamp", now().toString(),
                    "completed", true));
            status.put("migrationState", state);
            status.put("nodeName", node);
            status.remove("evacuationNodeName");
        });
        pods("kubevirt.io/created-by", vmi(vm).getMetadata().getUid()).stream()
                .filter(p -> !p.getMetadata().getName().equals(pod.getMetadata().getName()))
                .forEach(this::ended);
        return pod;
    }

    /** The launcher that a guest has left ends; until then KubeVirt starts no other migration of its VM. */
    private void ended(Pod pod) {
        Pod _ = admin.resource(pod)
                .editStatus(p -> new PodBuilder(p)
                        .editStatus()
                        .withPhase("Succeeded")
                        .endStatus()
                        .build());
    }

    /** The one pod with the label once the scheduler has placed it. */
    Pod placed(String label, String value) {
        Awaitility.await("a pod with " + label)
                .atMost(PATIENCE)
                .until(() ->
                        pods(label, value).stream().anyMatch(p -> p.getSpec().getNodeName() != null));
        return pods(label, value).getFirst();
    }

    List<Pod> pods(String label, String value) {
        return admin.pods()
                .inNamespace(NAMESPACE)
                .withLabel(label, value)
                .list()
                .getItems();
    }

    /** The unfinished migrations of a VM. */
    List<GenericKubernetesResource> migrations(String vm) {
        return admin
                .genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstanceMigration")
                .inNamespace(NAMESPACE)
                .list()
                .getItems()
                .stream()
                .filter(m -> vm.equals(m.get("spec", "vmiName")))
                .toList();
    }

    GenericKubernetesResource vmi(String name) {
        return admin.genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inNamespace(NAMESPACE)
                .withName(name)
                .get();
    }

    /** Changes the status of a VM, as its virt-handler or virt-api does. */
    void status(String vm, Consumer<Map<String, Object>> change) {
        admin.genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inNamespace(NAMESPACE)
                .withName(vm)
                .edit(v -> {
                    Map<String, Object> status = new HashMap<>(v.<Map<String, Object>>get("status"));
                    change.accept(status);
                    v.setAdditionalProperty("status", status);
                    if (status.get("nodeName") instanceof String node) {
                        // virt-handler writes both at once.
                        v.getMetadata().getLabels().put("kubevirt.io/nodeName", node);
                    }
                    return v;
                });
    }

    /** The VM runs in another launcher image than its KubeVirt has; virt-controller reads that off its pod. */
    void outdate(String vm) {
        String node = vmi(vm).get("status", "nodeName");
        pods("kubevirt.io/created-by", vmi(vm).getMetadata().getUid()).stream()
                .filter(p -> node.equals(p.getSpec().getNodeName()))
                .filter(p -> "Running".equals(p.getStatus().getPhase()))
                .forEach(pod -> {
                    Pod _ = admin.resource(pod).edit(p -> {
                        p.getSpec().getContainers().stream()
                                .filter(c -> c.getName().equals("compute"))
                                .forEach(c -> c.setImage("virt-launcher:before"));
                        return p;
                    });
                });
        Awaitility.await(vm + " to be outdated")
                .atMost(PATIENCE)
                .until(() -> "virt-launcher:before".equals(vmi(vm).get("status", "launcherContainerImageVersion")));
    }

    /** The kubelet starts a pod. */
    private Pod runs(Pod pod) {
        List<PodCondition> conditions = Stream.of("PodScheduled", "Initialized", "ContainersReady", "Ready")
                .map(c -> new PodConditionBuilder()
                        .withType(c)
                        .withStatus("True")
                        .withLastTransitionTime(now().toString())
                        .build())
                .toList();
        List<ContainerStatus> containers = pod.getSpec().getContainers().stream()
                .map(c -> new ContainerStatusBuilder()
                        .withName(c.getName())
                        .withImage(c.getImage())
                        .withImageID("image")
                        .withReady(true)
                        .withStarted(true)
                        .withRestartCount(0)
                        .withNewState()
                        .withNewRunning()
                        .withStartedAt(now().toString())
                        .endRunning()
                        .endState()
                        .build())
                .toList();
        return admin.resource(pod)
                .editStatus(p -> new PodBuilder(p)
                        .editOrNewStatus()
                        .withPhase("Running")
                        .withPodIP("10.0.0.9")
                        .addNewPodIP()
                        .withIp("10.0.0.9")
                        .endPodIP()
                        .withConditions(conditions)
                        .withContainerStatuses(containers)
                        .endStatus()
                        .build());
    }

    private static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.SECONDS);
    }

    @Override
    public void close() {
        admin.close();
        person.close();
    }
}
