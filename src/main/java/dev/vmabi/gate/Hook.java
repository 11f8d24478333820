package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.vmabi.fleet.Fleet;

/** The webhooks, each at its own path. */
enum Hook {
    MIGRATION("/mutate/migrations") {
        @Override
        Decision decide(Fleet fleet, JsonNode request) {
            return Gate.decide(fleet, MigrationRequest.of(request));
        }

        @Override
        ArrayNode patch(JsonNode object, Steering steering) {
            return Patches.migration(object, steering);
        }

        @Override
        String vm(JsonNode request) {
            return MigrationRequest.of(request).vmName();
        }
    },
    POD("/mutate/pods") {
        @Override
        Decision decide(Fleet fleet, JsonNode request) {
            return Gate.decide(fleet, PodRequest.of(request));
        }

        @Override
        ArrayNode patch(JsonNode object, Steering steering) {
            return Patches.pod(object, steering);
        }

        @Override
        String vm(JsonNode request) {
            PodRequest pod = PodRequest.of(request);
            return pod.vmName().orElse(pod.name());
        }
    };

    private final String path;

    Hook(String path) {
        this.path = path;
    }

    String path() {
        return path;
    }

    abstract Decision decide(Fleet fleet, JsonNode request);

    abstract ArrayNode patch(JsonNode object, Steering steering);

    /** Name of the VM that the request is about, or of the pod where it is of another stack. */
    abstract String vm(JsonNode request);
}
