package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How one place of an object is merged: by field, by key, as a set, or as a whole. */
sealed interface Shape {

    static Shape of(ResourceType type) {
        return type.custom() ? new OfSchema(type.schema(), true) : BuiltIn.ROOT;
    }

    /** The place under a field of this one. */
    Shape field(String name);

    /** The place of an element of this list. */
    Shape item();

    /** Whether an object here is replaced as a whole. */
    boolean atomic();

    /** Whether a list here is a set of scalars. */
    boolean set();

    /** The fields that tell the objects of a list here apart; empty if the list is no map. */
    List<String> keys();

    /** Built-in resources: the fields that are not merged as their looks say are few enough to know by name. */
    record BuiltIn(String parent, String name) implements Shape {
        static final BuiltIn ROOT = new BuiltIn("", "");

        private static final Set<String> ATOMIC = Set.of(
                "nodeSelector",
                "selector",
                "labelSelector",
                "namespaceSelector",
                "objectSelector",
                "podSelector",
                "required",
                "preference",
                "fieldRef",
                "resourceFieldRef",
                "configMapKeyRef",
                "secretKeyRef",
                "involvedObject",
                "regarding",
                "roleRef",
                "claimRef",
                "targetRef",
                "parametersReference");
        private static final Set<String> SETS = Set.of("finalizers", "podCIDRs");
        private static final Map<String, List<String>> KEYS = Map.ofEntries(
                Map.entry("containers", List.of("name")),
                Map.entry("initContainers", List.of("name")),
                Map.entry("volumes", List.of("name")),
                Map.entry("env", List.of("name")),
                Map.entry("imagePullSecrets", List.of("name")),
                Map.entry("secrets", List.of("name")),
                Map.entry("webhooks", List.of("name")),
                Map.entry("matchConditions", List.of("name")),
                Map.entry("volumeMounts", List.of("mountPath")),
                Map.entry("volumeDevices", List.of("devicePath")),
                Map.entry("conditions", List.of("type")),
                Map.entry("addresses", List.of("type")),
                Map.entry("ownerReferences", List.of("uid")),
                Map.entry("hostAliases", List.of("ip")),
                Map.entry("topologySpreadConstraints", List.of("topologyKey", "whenUnsatisfiable")));

        @Override
        public Shape field(String field) {
            return new BuiltIn(name, field);
        }

        @Override
        public Shape item() {
            return new BuiltIn(name, "");
        }

        @Override
        public boolean atomic() {
            return ATOMIC.contains(name) || (name.isEmpty() && parent.equals("ownerReferences"));
        }

        @Override
        public boolean set() {
            return SETS.contains(name);
        }

        @Override
        public List<String> keys() {
            if (name.equals("ports")) {
                return List.of(parent.isEmpty() ? "containerPort" : "port", "protocol");
            }
            return KEYS.getOrDefault(name, List.of());
        }
    }

    /** Custom resources: the schema says it. Where it is silent, objects are merged and lists are not. */
    record OfSchema(JsonNode schema, boolean root) implements Shape {
        @Override
        public Shape field(String name) {
            if (root && name.equals("metadata")) {
                return BuiltIn.ROOT.field(name);
            }
            JsonNode property = schema.path("properties").path(name);
            return new OfSchema(property.isMissingNode() ? schema.path("additionalProperties") : property, false);
        }

        @Override
        public Shape item() {
            return new OfSchema(schema.path("items"), false);
        }

        @Override
        public boolean atomic() {
            return Json.text(schema, "x-kubernetes-map-type").equals("atomic");
        }

        @Override
        public boolean set() {
            return Json.text(schema, "x-kubernetes-list-type").equals("set");
        }

        @Override
        public List<String> keys() {
            List<String> keys = new ArrayList<>();
            if (Json.text(schema, "x-kubernetes-list-type").equals("map")) {
                schema.path("x-kubernetes-list-map-keys").forEach(key -> keys.add(key.asText()));
            }
            return keys;
        }
    }

    /** The element of a list map that has the same keys as {@code like}; missing if there is none. */
    default JsonNode matching(JsonNode list, JsonNode like) {
        String wanted = FieldSet.keyOf(like, keys());
        for (JsonNode item : list) {
            if (FieldSet.keyOf(item, keys()).equals(wanted)) {
                return item;
            }
        }
        return MissingNode.getInstance();
    }
}
