package dev.vmabi.demo;

import dev.vmabi.api.Names;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Plays what is missing of KubeVirt and of Kubernetes: virt-controller's pods (as KubeVirt v1.9 renders them), the
 * scheduler's choice by node selector, and virt-handler's status. It knows nothing of guest ABIs.
 */
public final class KubeVirtStandIn implements AutoCloseable {
    private static final User CONTROLLER = User.serviceAccount("kubevirt", "kubevirt-controller");
    private static final String NAMESPACE = "default";

    /** What the other side of a migration does, which is neither KubeVirt's nor the scheduler's. */
    public interface Target {
        /** Told of the target pod once it was let in. */
        default void admitted(Pod pod) {}

        /** Whether the kernel of the node that was chosen takes the guest. */
        default boolean takes(String node) {
            return true;
        }
    }

    private final KubernetesClient controller;
    private final KubernetesClient person;

    public KubeVirtStandIn(ApiServer server) {
        controller = server.client(CONTROLLER);
        person = server.client(new User("alice", "platform-team"));
    }

    /** A person creates a VM and it boots. Returns the launcher pod as admitted. */
    public Pod boot(String name, String onNode) {
        GenericKubernetesResource vmi = new GenericKubernetesResourceBuilder()
                .withApiVersion("kubevirt.io/v1")
                .withKind("VirtualMachineInstance")
                .withNewMetadata()
                .withNamespace(NAMESPACE)
                .withName(name)
                .endMetadata()
                .addToAdditionalProperties(
                        "spec", Map.of("architecture", "arm64", "domain", Map.of("devices", Map.of())))
                .addToAdditionalProperties("status", Map.of("phase", "Pending"))
                .build();
        GenericKubernetesResource created = person.resource(vmi).create();
        Pod pod = controller
                .resource(launcher(created, Map.of("kubernetes.io/hostname", onNode))
                        .build())
                .create();
        String node = schedule(pod);
        runsOn(name, node, Map.of());
        return pod;
    }

    /**
     * A person asks for a migration; virt-controller makes the target pod and the guest moves. Returns the node that the
     * guest is on then.
     *
     * @throws io.fabric8.kubernetes.client.KubernetesClientException if the migration or its pod is denied
     */
    public String migrate(String name, String migration, String towards) {
        return migrate(name, migration, towards, new Target() {});
    }

    /** As above; where the target's kernel refuses the guest, it goes on where it was. */
    public String migrate(String name, String migration, String towards, Target target) {
        GenericKubernetesResource vmi = vmi(name);
        Map<String, String> wish = towards.isEmpty() ? Map.of() : Map.of("kubernetes.io/hostname", towards);
        GenericKubernetesResource vmim = person.resource(new GenericKubernetesResourceBuilder()
                        .withApiVersion("kubevirt.io/v1")
                        .withKind("VirtualMachineInstanceMigration")
                        .withNewMetadata()
                        .withNamespace(NAMESPACE)
                        .withName(migration)
                        .endMetadata()
                        .addToAdditionalProperties(
                                "spec", new HashMap<>(Map.of("vmiName", name, "addedNodeSelector", wish)))
                        .build())
                .create();
        Map<String, String> selector = vmim.get("spec", "addedNodeSelector");
        Pod pod = controller
                .resource(launcher(vmi, selector)
                        .editMetadata()
                        .addToLabels(
                                "kubevirt.io/migrationJobUID",
                                vmim.getMetadata().getUid())
                        .addToAnnotations("kubevirt.io/migrationJobName", migration)
                        .endMetadata()
                        .build())
                .create();
        target.admitted(pod);
        String from = vmi.get("status", "nodeName");
        String node = schedule(pod);
        if (!target.takes(node)) {
            runsOn(name, from, Map.of("sourceNode", from, "targetNode", node, "completed", true, "failed", true));
            ended(pod, "Failed");
            return from;
        }
        runsOn(name, node, Map.of("sourceNode", from, "targetNode", node, "completed", true));
        endOthers(vmi, pod);
        return node;
    }

    /** The launcher that the guest has left ends. */
    private void endOthers(GenericKubernetesResource vmi, Pod present) {
        controller
                .pods()
                .inNamespace(NAMESPACE)
                .withLabel("kubevirt.io/created-by", vmi.getMetadata().getUid())
                .list()
                .getItems()
                .stream()
                .filter(p ->
                        !p.getMetadata().getName().equals(present.getMetadata().getName()))
                .forEach(left -> ended(left, "Succeeded"));
    }

    private void ended(Pod pod, String phase) {
        Pod _ = controller
                .resource(pod)
                .editStatus(p -> new PodBuilder(p)
                        .editOrNewStatus()
                        .withPhase(phase)
                        .endStatus()
                        .build());
    }

    /** The guest ends, by its owner's will or with its node, and with it all that was made for it. */
    public void end(String name) {
        GenericKubernetesResource vmi = vmi(name);
        if (vmi == null) {
            return;
        }
        controller
                .pods()
                .inNamespace(NAMESPACE)
                .withLabel("vmi.kubevirt.io/id", name)
                .withGracePeriod(0)
                .delete();
        controller
                .genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstanceMigration")
                .inNamespace(NAMESPACE)
                .list()
                .getItems()
                .stream()
                .filter(m -> name.equals(m.get("spec", "vmiName")))
                .forEach(m -> controller.resource(m).delete());
        controller.resource(vmi).delete();
    }

    public GenericKubernetesResource vmi(String name) {
        return controller
                .genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inNamespace(NAMESPACE)
                .withName(name)
                .get();
    }

    /** The stamp the VM carries; empty while it has none. */
    public String stamp(String name) {
        Map<String, String> labels = vmi(name).getMetadata().getLabels();
        return labels == null ? "" : labels.getOrDefault(Names.STAMP, "");
    }

    private static PodBuilder launcher(GenericKubernetesResource vmi, Map<String, String> nodeSelector) {
        Map<String, String> labels =
                new HashMap<>(Objects.requireNonNullElse(vmi.getMetadata().getLabels(), Map.of()));
        labels.put("kubevirt.io", "virt-launcher");
        labels.put("kubevirt.io/created-by", vmi.getMetadata().getUid());
        labels.put("vmi.kubevirt.io/id", vmi.getMetadata().getName());
        Map<String, String> annotations =
                new HashMap<>(Objects.requireNonNullElse(vmi.getMetadata().getAnnotations(), Map.of()));
        annotations.put("kubevirt.io/domain", vmi.getMetadata().getName());
        Map<String, String> selector = new HashMap<>(nodeSelector);
        selector.put("kubernetes.io/arch", "arm64");
        selector.put("kubevirt.io/schedulable", "true");
        return new PodBuilder()
                .withNewMetadata()
                .withNamespace(NAMESPACE)
                .withGenerateName("virt-launcher-" + vmi.getMetadata().getName() + "-")
                .withLabels(labels)
                .withAnnotations(annotations)
                .withOwnerReferences(new OwnerReferenceBuilder()
                        .withApiVersion("kubevirt.io/v1")
                        .withKind("VirtualMachineInstance")
                        .withName(vmi.getMetadata().getName())
                        .withUid(vmi.getMetadata().getUid())
                        .withController(true)
                        .build())
                .endMetadata()
                .withNewSpec()
                .withNodeSelector(selector)
                .addNewContainer()
                .withName("compute")
                .withImage("virt-launcher")
                .endContainer()
                .endSpec();
    }

    /** Binds the pod to the first node that its selector allows, as the scheduler would. */
    private String schedule(Pod pod) {
        Node chosen = controller.nodes().list().getItems().stream()
                .filter(n -> n.getMetadata()
                        .getLabels()
                        .entrySet()
                        .containsAll(pod.getSpec().getNodeSelector().entrySet()))
                .min(Comparator.comparing(n -> n.getMetadata().getName()))
                .orElseThrow(() -> new IllegalStateException("pod "
                        + pod.getMetadata().getName() + " is unschedulable: no node has "
                        + pod.getSpec().getNodeSelector()));
        String name = chosen.getMetadata().getName();
        String binding = "{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\""
                + pod.getMetadata().getName() + "\"},\"target\":{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":\""
                + name + "\"}}";
        String _ = controller.raw(
                "/api/v1/namespaces/" + NAMESPACE + "/pods/" + pod.getMetadata().getName() + "/binding",
                "POST",
                binding);
        return name;
    }

    private void runsOn(String name, String node, Map<String, Object> migrationState) {
        GenericKubernetesResource _ = controller
                .genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inNamespace(NAMESPACE)
                .withName(name)
                .edit(v -> {
                    Map<String, Object> status = new HashMap<>(Map.of("phase", "Running", "nodeName", node));
                    if (!migrationState.isEmpty()) {
                        status.put("migrationState", migrationState);
                    }
                    v.setAdditionalProperty("status", status);
                    // virt-handler writes both at once.
                    v.getMetadata().getLabels().put("kubevirt.io/nodeName", node);
                    return v;
                });
    }

    @Override
    public void close() {
        controller.close();
        person.close();
    }
}
