package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Optional;

/** A pod that is to be created. */
public record PodRequest(
        String namespace,
        String name,
        Map<String, String> labels,
        Map<String, String> annotations,
        Map<String, String> nodeSelector) {

    private static final String VM_ARCHITECTURE = "kubevirt.io/vm-arch-";
    private static final String VM_NAME = "kubevirt.io/domain";

    /** Reads the {@code request} of an AdmissionReview; what is missing or of another type is empty. */
    static PodRequest of(JsonNode request) {
        JsonNode metadata = request.path("object").path("metadata");
        return new PodRequest(
                request.path("namespace").asText(""),
                name(metadata),
                Texts.map(metadata.path("labels")),
                Texts.map(metadata.path("annotations")),
                Texts.map(request.path("object").path("spec").path("nodeSelector")));
    }

    /** Name of the VirtualMachineInstance, or of the pod if it is none's, without the rest of the request. */
    static String vmOrPodName(JsonNode request) {
        JsonNode metadata = request.path("object").path("metadata");
        JsonNode vm = metadata.path("annotations").path(VM_NAME);
        return vm.isTextual() ? vm.textValue() : name(metadata);
    }

    private static String name(JsonNode metadata) {
        return metadata.path("name").asText(metadata.path("generateName").asText(""));
    }

    /** Whether KubeVirt made it to run a guest. Pods that only bind a volume look alike but run none. */
    boolean isLauncher() {
        return "virt-launcher".equals(labels.get("kubevirt.io"))
                && !annotations.containsKey("kubevirt.io/ephemeral-provisioning");
    }

    /** Whether a running guest is to move into it; the label is there from the pod's creation on. */
    boolean isMigrationTarget() {
        return labels.containsKey("kubevirt.io/migrationJobUID");
    }

    /** Name of the VirtualMachineInstance. */
    Optional<String> vmName() {
        return Optional.ofNullable(annotations.get(VM_NAME));
    }

    /** The VirtualMachineInstance's uid. */
    Optional<String> vmUid() {
        return Optional.ofNullable(labels.get("kubevirt.io/created-by"));
    }

    /** The VM's present node as KubeVirt marked it: VM labels are copied to the pod. */
    Optional<String> vmNode() {
        return Optional.ofNullable(labels.get("kubevirt.io/nodeName"));
    }

    /** The guest's architecture as far as the node selector tells. */
    Optional<String> architecture() {
        return Optional.ofNullable(nodeSelector.get("kubernetes.io/arch"))
                .or(() -> nodeSelector.keySet().stream()
                        .filter(k -> k.startsWith(VM_ARCHITECTURE))
                        .map(k -> k.substring(VM_ARCHITECTURE.length()))
                        .findFirst());
    }
}
