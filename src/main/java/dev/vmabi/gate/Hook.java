package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.PolicyPreview;
import java.time.Instant;

/** The webhooks, each at its own path. */
enum Hook {
    MIGRATION("migration", "/mutate/migrations") {
        @Override
        Decision decide(Fleet fleet, JsonNode request) {
            return Gate.decide(fleet, MigrationRequest.of(request));
        }

        @Override
        ArrayNode patch(JsonNode object, Decision decision) {
            return decision instanceof Decision.Steer steer
                    ? Patches.migration(object, steer.steering())
                    : Patches.none();
        }

        @Override
        String vm(JsonNode request) {
            return MigrationRequest.of(request).vmName();
        }
    },
    POD("pod", "/mutate/pods") {
        @Override
        Decision decide(Fleet fleet, JsonNode request) {
            return Gate.decide(fleet, PodRequest.of(request));
        }

        @Override
        ArrayNode patch(JsonNode object, Decision decision) {
            return decision instanceof Decision.Steer steer ? Patches.pod(object, steer.steering()) : Patches.none();
        }

        @Override
        String vm(JsonNode request) {
            return PodRequest.vmOrPodName(request);
        }
    },
    INSTANCE("instance", "/mutate/instances") {
        @Override
        Decision decide(Fleet fleet, JsonNode request) {
            return Gate.decide(fleet, InstanceRequest.of(request));
        }

        @Override
        ArrayNode patch(JsonNode object, Decision decision) {
            return decision instanceof Decision.Impose impose
                    ? Patches.instance(object, impose.imposition())
                    : Patches.none();
        }

        @Override
        String vm(JsonNode request) {
            return InstanceRequest.of(request).name();
        }
    },
    /** Policies pass as they are, with what they would do as warnings: also in a dry run. */
    POLICY("policy", "/mutate/policies") {
        @Override
        boolean answers(String operation) {
            return operation.equals("CREATE") || operation.equals("UPDATE");
        }

        @Override
        Decision decide(Fleet fleet, JsonNode request) {
            return Reviews.policy(request)
                    .map(asked -> PolicyPreview.of(fleet, vm(request), asked, Instant.now()))
                    .map(lines -> new Decision.Allow(Reason.Preview, lines))
                    .orElseGet(() -> Decision.Allow.untouched(Reason.Preview));
        }

        @Override
        ArrayNode patch(JsonNode object, Decision decision) {
            return Patches.none();
        }

        @Override
        String vm(JsonNode request) {
            return request.path("object").path("metadata").path("name").asText();
        }
    };

    private final String label;
    private final String spanName;
    private final String path;

    Hook(String label, String path) {
        this.label = label;
        this.spanName = "admission " + label;
        this.path = path;
    }

    /** What it is called in metrics and on the page. */
    String label() {
        return label;
    }

    String spanName() {
        return spanName;
    }

    String path() {
        return path;
    }

    /** Whether it has anything to say to CREATE, UPDATE and the like. */
    boolean answers(String operation) {
        return operation.equals("CREATE");
    }

    abstract Decision decide(Fleet fleet, JsonNode request);

    /** What the decision changes of the object; empty for nothing. */
    abstract ArrayNode patch(JsonNode object, Decision decision);

    /** Name of the VM that the request is about, of the pod where it is of another stack, or of the policy. */
    abstract String vm(JsonNode request);
}
