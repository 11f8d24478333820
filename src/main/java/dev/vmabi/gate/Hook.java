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
}
