package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A VirtualMachineInstanceMigration that is to be created (KubeVirt, v1 and v1alpha3).
 *
 * @param addedNodeSelector what its creator asked of the target node
 * @param sendsAway whether the VM leaves for another cluster or namespace ({@code spec.sendTo})
 * @param receives whether the VM comes from there ({@code spec.receive})
 */
public record MigrationRequest(
        String namespace,
        String vmName,
        Origin origin,
        Map<String, String> addedNodeSelector,
        boolean sendsAway,
        boolean receives) {

    /** Who wants the migration, and so what a denial would do. */
    public enum Origin {
        /** A drain. KubeVirt's evacuation controller would ask again on every event of the node. */
        Evacuation,
        /** A new launcher image or a hotplug. KubeVirt's updater would ask again at once, without a pause. */
        WorkloadUpdate,
        /** A person, through {@code virtctl} or not, or another controller; a denial is seen at once. */
        Person
    }

    private static final Pattern KUBEVIRT_CONTROLLER =
            Pattern.compile("system:serviceaccount:[a-z0-9-]+:kubevirt-controller");

    /** Reads the {@code request} of an AdmissionReview; what is missing or of another type is empty. */
    static MigrationRequest of(JsonNode request) {
        JsonNode object = request.path("object");
        JsonNode spec = object.path("spec");
        return new MigrationRequest(
                request.path("namespace").asText(""),
                spec.path("vmiName").asText(""),
                origin(request, object),
                Texts.map(spec.path("addedNodeSelector")),
                spec.path("sendTo").isObject(),
                spec.path("receive").isObject());
    }

    /** The annotations alone prove nothing: anybody can write them. */
    private static Origin origin(JsonNode request, JsonNode object) {
        String user = request.path("userInfo").path("username").asText("");
        if (!KUBEVIRT_CONTROLLER.matcher(user).matches()) {
            return Origin.Person;
        }
        JsonNode annotations = object.path("metadata").path("annotations");
        if (annotations.has("kubevirt.io/evacuationMigration")) {
            return Origin.Evacuation;
        }
        return annotations.has("kubevirt.io/workloadUpdateMigration") ? Origin.WorkloadUpdate : Origin.Person;
    }
}
