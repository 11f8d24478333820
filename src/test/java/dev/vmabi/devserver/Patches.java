package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.zjsonpatch.JsonPatch;
import java.util.Iterator;
import java.util.Map;

/** The three patches that are not server-side apply. */
final class Patches {
    private Patches() {}

    /** RFC 6902; one operation at a time, since the library lets the removal of what is not there pass. */
    static JsonNode json(JsonNode target, JsonNode patch) {
        JsonNode result = target;
        for (JsonNode operation : patch) {
            String path = Json.text(operation, "path");
            boolean present = !Json.text(operation, "op").matches("remove|replace")
                    || !result.at(path).isMissingNode();
            if (!present) {
                throw unprocessable("there is nothing at " + path);
            }
            try {
                result = JsonPatch.apply(Json.MAPPER.createArrayNode().add(operation), result);
            } catch (RuntimeException e) {
                throw unprocessable(e.getMessage());
            }
        }
        return result;
    }

    private static ApiException unprocessable(String why) {
        return new ApiException(
                422, "Invalid", "the server rejected our request due to an error in our request: " + why);
    }

    /** RFC 7386. */
    static JsonNode merge(JsonNode target, JsonNode patch) {
        if (!(patch instanceof ObjectNode fields)) {
            return patch;
        }
        ObjectNode result = target instanceof ObjectNode object ? object.deepCopy() : Json.object();
        for (Map.Entry<String, JsonNode> field : fields.properties()) {
            if (field.getValue().isNull()) {
                result.remove(field.getKey());
            } else {
                result.set(field.getKey(), merge(result.path(field.getKey()), field.getValue()));
            }
        }
        return result;
    }

    /** Strategic merge of built-in resources: as RFC 7386, but lists with a merge key are merged by it. */
    static JsonNode strategic(JsonNode target, JsonNode patch, Shape shape) {
        if (!(patch instanceof ObjectNode fields)) {
            return patch;
        }
        if (Json.text(patch, "$patch").equals("replace")) {
            return without(fields, "$patch");
        }
        ObjectNode result = target instanceof ObjectNode object ? object.deepCopy() : Json.object();
        if (fields.path("$retainKeys") instanceof ArrayNode retained) {
            result.properties().removeIf(field -> !contains(retained, field.getKey()));
        }
        for (Map.Entry<String, JsonNode> field : fields.properties()) {
            String name = field.getKey();
            JsonNode value = field.getValue();
            if (name.startsWith("$deleteFromPrimitiveList/")) {
                if (result.path(name.substring(name.indexOf('/') + 1)) instanceof ArrayNode list) {
                    list.removeIf(item -> contains(value, item.asText()));
                }
            } else if (value.isNull() || Json.text(value, "$patch").equals("delete")) {
                result.remove(name);
            } else if (value instanceof ArrayNode list) {
                result.set(name, strategicList(result.path(name), list, shape.field(name)));
            } else if (!name.startsWith("$")) {
                result.set(name, strategic(result.path(name), value, shape.field(name)));
            }
        }
        return result;
    }

    private static JsonNode strategicList(JsonNode target, ArrayNode patch, Shape shape) {
        if (shape.set()) {
            ArrayNode result = target instanceof ArrayNode list ? list.deepCopy() : Json.MAPPER.createArrayNode();
            patch.forEach(item -> {
                if (!contains(result, item.asText())) {
                    result.add(item);
                }
            });
            return result;
        }
        if (shape.keys().isEmpty()) {
            return patch;
        }
        String key = shape.keys().getFirst();
        ArrayNode result = target instanceof ArrayNode list ? list.deepCopy() : Json.MAPPER.createArrayNode();
        for (JsonNode item : patch) {
            String directive = Json.text(item, "$patch");
            if (directive.equals("replace")) {
                result.removeAll();
                continue;
            }
            int index = indexOf(result, key, item.path(key));
            if (directive.equals("delete")) {
                if (index >= 0) {
                    result.remove(index);
                }
            } else if (index >= 0) {
                result.set(index, strategic(result.get(index), item, shape.item()));
            } else {
                result.add(strategic(Json.object(), item, shape.item()));
            }
        }
        return result;
    }

    private static int indexOf(ArrayNode list, String key, JsonNode value) {
        int index = 0;
        for (Iterator<JsonNode> items = list.iterator(); items.hasNext(); index++) {
            if (items.next().path(key).equals(value)) {
                return index;
            }
        }
        return -1;
    }

    private static boolean contains(JsonNode list, String text) {
        for (JsonNode item : list) {
            if (item.asText().equals(text)) {
                return true;
            }
        }
        return false;
    }

    private static ObjectNode without(ObjectNode object, String field) {
        ObjectNode copy = object.deepCopy();
        copy.remove(field);
        return copy;
    }
}
