package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** Objects as rows of a {@code meta.k8s.io/v1 Table}, which is what {@code kubectl get} prints. */
final class Tables {
    private static final Pattern STEP = Pattern.compile(
            "\\.([\\w-]+|\\*)|\\['([^']+)'\\]|\\[(\\*|\\d+)\\]|\\[\\?\\(@((?:\\.[\\w-]+)+)\\s*==\\s*['\"]([^'\"]*)['\"]\\)\\]");

    private Tables() {}

    /** @param include what a row carries of its object: {@code None}, {@code Metadata} or {@code Object} */
    static ObjectNode table(ResourceType type, List<ObjectNode> objects, String include) {
        ObjectNode table = Json.object();
        table.put("kind", "Table").put("apiVersion", "meta.k8s.io/v1");
        table.putObject("metadata");
        ArrayNode definitions = table.putArray("columnDefinitions");
        definition(definitions, "Name", "string", "name", 0);
        for (JsonNode column : type.columns()) {
            definition(
                    definitions,
                    Json.text(column, "name"),
                    Json.text(column, "type"),
                    Json.text(column, "format"),
                    column.path("priority").asInt());
        }
        boolean age = StreamSupport.stream(type.columns().spliterator(), false)
                .noneMatch(column -> Json.text(column, "jsonPath").equals(".metadata.creationTimestamp"));
        if (age) {
            definition(definitions, "Age", "string", "", 0);
        }
        ArrayNode rows = table.putArray("rows");
        for (ObjectNode object : objects) {
            ObjectNode row = rows.addObject();
            ArrayNode cells = row.putArray("cells").add(Json.text(object, "metadata", "name"));
            for (JsonNode column : type.columns()) {
                cells.add(cell(object, column));
            }
            if (age) {
                cells.add(age(Json.text(object, "metadata", "creationTimestamp")));
            }
            if (include.equals("Object")) {
                row.set("object", object);
            } else if (!include.equals("None")) {
                row.set("object", partial(object));
            }
        }
        return table;
    }

    /** The object cut down to its metadata. */
    static ObjectNode partial(ObjectNode object) {
        ObjectNode partial = Json.object();
        partial.put("kind", "PartialObjectMetadata").put("apiVersion", "meta.k8s.io/v1");
        partial.set("metadata", object.path("metadata"));
        return partial;
    }

    private static void definition(ArrayNode definitions, String name, String type, String format, int priority) {
        definitions
                .addObject()
                .put("name", name)
                .put("type", type)
                .put("format", format)
                .put("description", "")
                .put("priority", priority);
    }

    private static JsonNode cell(ObjectNode object, JsonNode column) {
        List<JsonNode> found = select(object, Json.text(column, "jsonPath"));
        if (found.isEmpty()) {
            return object.nullNode();
        }
        return switch (Json.text(column, "type")) {
            case "integer", "number", "boolean" -> found.getFirst();
            case "date" -> object.textNode(age(found.getFirst().asText()));
            default ->
                object.textNode(found.stream()
                        .map(node -> node.isValueNode() ? node.asText() : node.toString())
                        .collect(Collectors.joining(",")));
        };
    }

    /** The part of JSONPath that printer columns use: fields, indexes, wildcards, filters on equality. */
    private static List<JsonNode> select(JsonNode object, String path) {
        List<JsonNode> here = List.of(object);
        Matcher step = STEP.matcher(path);
        int at = 0;
        while (at < path.length()) {
            if (!step.find(at) || step.start() != at) {
                return List.of();
            }
            at = step.end();
            List<JsonNode> next = new ArrayList<>();
            for (JsonNode node : here) {
                String field = step.group(1) != null ? step.group(1) : step.group(2);
                if (step.group(4) != null) {
                    for (JsonNode item : node) {
                        if (Json.text(item, step.group(4).substring(1).split("\\."))
                                .equals(step.group(5))) {
                            next.add(item);
                        }
                    }
                } else if ("*".equals(field) || "*".equals(step.group(3))) {
                    node.forEach(next::add);
                } else if (field != null) {
                    next.add(node.path(field));
                } else {
                    next.add(node.path(Integer.parseInt(step.group(3))));
                }
            }
            next.removeIf(node -> node.isMissingNode() || node.isNull());
            here = next;
        }
        return here;
    }

    private static String age(String timestamp) {
        try {
            Duration age = Duration.between(Instant.parse(timestamp), Instant.now());
            long seconds = Math.max(0, age.toSeconds());
            if (seconds < 120) {
                return seconds + "s";
            }
            return seconds < 7200 ? seconds / 60 + "m" : seconds < 172_800 ? seconds / 3600 + "h" : age.toDays() + "d";
        } catch (DateTimeParseException e) {
            return "<unknown>";
        }
    }
}
