package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;

/** Maps of strings, as labels and selectors are, in a JSON tree that may hold anything. */
final class Texts {
    private Texts() {}

    /** The entries with a text value; none if this is no object. */
    static Map<String, String> map(JsonNode node) {
        Map<String, String> map = new LinkedHashMap<>();
        node.properties().forEach(e -> {
            if (e.getValue().isTextual()) {
                map.put(e.getKey(), e.getValue().textValue());
            }
        });
        return map;
    }
}
