package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/**
 * One object in several API versions. It is kept as it was last written; versions of a custom resource differ in
 * nothing but their name (conversion strategy None), events have other names for their fields in their two groups.
 */
final class Versions {
    /** Field names of {@code v1} events by those of {@code events.k8s.io/v1}. */
    private static final Map<String, String> EVENT_FIELDS = Map.of(
            "regarding", "involvedObject",
            "note", "message",
            "reportingController", "reportingComponent",
            "deprecatedSource", "source",
            "deprecatedFirstTimestamp", "firstTimestamp",
            "deprecatedLastTimestamp", "lastTimestamp",
            "deprecatedCount", "count");

    private Versions() {}

    static ObjectNode convert(ObjectNode object, String apiVersion) {
        if (Json.text(object, "apiVersion").equals(apiVersion)) {
            return object;
        }
        ObjectNode converted = object.deepCopy().put("apiVersion", apiVersion);
        if (Json.text(object, "kind").equals("Event")) {
            EVENT_FIELDS.forEach((modern, core) -> rename(
                    converted, apiVersion.equals("v1") ? modern : core, apiVersion.equals("v1") ? core : modern));
        }
        return converted;
    }

    private static void rename(ObjectNode object, String from, String to) {
        JsonNode value = object.remove(from);
        if (value != null) {
            object.set(to, value);
        }
    }
}
