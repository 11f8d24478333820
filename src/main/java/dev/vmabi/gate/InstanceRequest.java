package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.Imposition;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A VirtualMachineInstance that is to be created (KubeVirt, v1 and v1alpha3).
 *
 * @param architecture as it is written or as KubeVirt's own webhook filled it in; empty where it did not
 * @param nodeSelector what its owner asks of a node
 * @param cpuFeatures the names that its owner wrote something about, with whatever policy
 * @param hooked whether its owner asks for the hook, and has not written what that is to impose
 */
public record InstanceRequest(
        String namespace,
        String name,
        Map<String, String> labels,
        String architecture,
        Map<String, String> nodeSelector,
        Set<String> cpuFeatures,
        boolean hooked) {

    private static final String HOOKS = "hooks.kubevirt.io/hookSidecars";

    /** Reads the {@code request} of an AdmissionReview; what is missing or of another type is empty. */
    static InstanceRequest of(JsonNode request) {
        JsonNode metadata = request.path("object").path("metadata");
        JsonNode spec = request.path("object").path("spec");
        Set<String> features = new TreeSet<>();
        spec.path("domain")
                .path("cpu")
                .path("features")
                .forEach(f -> features.add(f.path("name").asText("")));
        Map<String, String> annotations = Texts.map(metadata.path("annotations"));
        return new InstanceRequest(
                request.path("namespace").asText(""),
                metadata.path("name").asText(metadata.path("generateName").asText("")),
                Texts.map(metadata.path("labels")),
                spec.path("architecture").asText(""),
                Texts.map(spec.path("nodeSelector")),
                features,
                !annotations.containsKey(Names.CLAMP) && Imposition.hooked(annotations.getOrDefault(HOOKS, "")));
    }

    /** Whether the owner wrote something about SVE or one of its lengths, of which one decides over the others. */
    boolean saysSve() {
        return cpuFeatures.stream().anyMatch(f -> f.startsWith("sve"));
    }
}
