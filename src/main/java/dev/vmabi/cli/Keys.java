package dev.vmabi.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.vmabi.abi.RegisterId;

/** Typed access to the keys of foreign JSON, with errors that name the key. */
final class Keys {

    /** The object at a key, empty where the key is absent. */
    static JsonNode object(JsonNode parent, String key) {
        JsonNode node = parent.get(key);
        if (node == null || node.isNull()) {
            return JsonNodeFactory.instance.objectNode();
        }
        if (!node.isObject()) {
            throw new IllegalArgumentException(key + ": must be an object");
        }
        return node;
    }

    /** The list at a key, empty where the key is absent. */
    static JsonNode list(JsonNode parent, String key) {
        JsonNode node = parent.get(key);
        if (node == null || node.isNull()) {
            return JsonNodeFactory.instance.arrayNode();
        }
        if (!node.isArray()) {
            throw new IllegalArgumentException(key + ": must be a list");
        }
        return node;
    }

    static String text(String where, JsonNode node) {
        if (node == null || !node.isTextual()) {
            throw new IllegalArgumentException(where + ": must be text, not " + shown(node));
        }
        return node.textValue();
    }

    static String textOr(JsonNode parent, String key, String fallback) {
        JsonNode node = parent.get(key);
        return node == null || node.isNull() ? fallback : text(key, node);
    }

    /** The number at a key, 0 where the key is absent. */
    static int integer(JsonNode parent, String key) {
        JsonNode node = parent.get(key);
        if (node == null || node.isNull()) {
            return 0;
        }
        if (!node.canConvertToInt() || !node.isIntegralNumber() || node.intValue() < 0) {
            throw new IllegalArgumentException(key + ": must be a number, not " + shown(node));
        }
        return node.intValue();
    }

    static RegisterId id(String where, String text) {
        try {
            return RegisterId.parse(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where + ": " + e.getMessage(), e);
        }
    }

    static long value(String where, JsonNode node) {
        String text = text(where, node);
        try {
            return RegisterId.parseValue(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where + ": " + e.getMessage(), e);
        }
    }

    static String shown(Object value) {
        String text = String.valueOf(value);
        return text.length() <= 40 ? text : text.substring(0, 40) + "...";
    }

    private Keys() {}
}
