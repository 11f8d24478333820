package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A set of places in an object, in the structure of {@code FieldsV1}: steps are {@code f:<field>},
 * {@code k:<keys of a list element>} and {@code v:<element of a set>}; "." stands for the place itself.
 */
final class FieldSet {
    private boolean member;
    private final TreeMap<String, FieldSet> children = new TreeMap<>();

    /** Every place with a value in {@code object}. */
    static FieldSet of(JsonNode object, Shape shape) {
        return changed(null, object, shape);
    }

    /** The places of {@code after} whose value is another one, or none, in {@code before} (which may be null). */
    static FieldSet changed(JsonNode before, JsonNode after, Shape shape) {
        FieldSet set = new FieldSet();
        set.collect(before, after, shape);
        return set;
    }

    private void collect(JsonNode before, JsonNode after, Shape shape) {
        if (after.isObject() && !shape.atomic() && !after.isEmpty()) {
            boolean comparable = before != null && before.isObject();
            for (Map.Entry<String, JsonNode> field : after.properties()) {
                JsonNode old = comparable ? before.get(field.getKey()) : null;
                descend("f:" + field.getKey(), old, field.getValue(), shape.field(field.getKey()));
            }
        } else if (after.isArray() && shape.set()) {
            for (JsonNode item : after) {
                if (before == null || !contains(before, item)) {
                    child("v:" + item).member = true;
                }
            }
        } else if (after.isArray() && !shape.keys().isEmpty()) {
            for (JsonNode item : after) {
                JsonNode old = before == null ? null : shape.matching(before, item);
                boolean fresh = old == null || old.isMissingNode();
                String step = "k:" + keyOf(item, shape.keys());
                descend(step, fresh ? null : old, item, shape.item());
                if (fresh) {
                    child(step).member = true;
                }
            }
        } else if (before == null || !before.equals(after)) {
            member = true;
        }
    }

    private FieldSet child(String step) {
        return children.computeIfAbsent(step, s -> new FieldSet());
    }

    private void descend(String step, JsonNode before, JsonNode after, Shape shape) {
        FieldSet set = new FieldSet();
        set.collect(before, after, shape);
        if (!set.isEmpty()) {
            children.put(step, set);
        }
    }

    private static boolean contains(JsonNode list, JsonNode item) {
        for (JsonNode candidate : list) {
            if (candidate.equals(item)) {
                return true;
            }
        }
        return false;
    }

    /** The keys of a list element as JSON; an absent protocol is TCP, which is its default everywhere. */
    static String keyOf(JsonNode item, List<String> keys) {
        ObjectNode key = Json.object();
        for (String name : keys.stream().sorted().toList()) {
            if (item.has(name)) {
                key.set(name, item.get(name));
            } else if (name.equals("protocol")) {
                key.put(name, "TCP");
            }
        }
        return key.toString();
    }

    static FieldSet fromJson(JsonNode fields) {
        FieldSet set = new FieldSet();
        set.member = fields.isEmpty() || fields.has(".");
        for (Map.Entry<String, JsonNode> field : fields.properties()) {
            if (!field.getKey().equals(".")) {
                set.children.put(field.getKey(), fromJson(field.getValue()));
            }
        }
        return set;
    }

    ObjectNode toJson() {
        ObjectNode json = Json.object();
        if (member && !children.isEmpty()) {
            json.putObject(".");
        }
        children.forEach((step, set) -> json.set(step, set.toJson()));
        return json;
    }

    FieldSet union(FieldSet other) {
        FieldSet result = copy();
        result.member |= other.member;
        other.children.forEach((step, set) -> result.children.merge(step, set, FieldSet::union));
        return result;
    }

    FieldSet minus(FieldSet other) {
        FieldSet result = new FieldSet();
        result.member = member && !other.member;
        children.forEach((step, set) -> {
            FieldSet others = other.children.get(step);
            FieldSet rest = others == null ? set : set.minus(others);
            if (!rest.isEmpty()) {
                result.children.put(step, rest);
            }
        });
        return result;
    }

    FieldSet intersect(FieldSet other) {
        FieldSet result = new FieldSet();
        result.member = member && other.member;
        children.forEach((step, set) -> {
            FieldSet others = other.children.get(step);
            FieldSet common = others == null ? new FieldSet() : set.intersect(others);
            if (!common.isEmpty()) {
                result.children.put(step, common);
            }
        });
        return result;
    }

    /** Takes out what the server itself keeps: nobody owns it. */
    FieldSet withoutSystemFields() {
        FieldSet result = copy();
        result.children.remove("f:apiVersion");
        result.children.remove("f:kind");
        FieldSet metadata = result.children.get("f:metadata");
        if (metadata != null) {
            FieldSet own = metadata.copy();
            for (String field : List.of(
                    "name",
                    "generateName",
                    "namespace",
                    "uid",
                    "resourceVersion",
                    "generation",
                    "creationTimestamp",
                    "deletionTimestamp",
                    "deletionGracePeriodSeconds",
                    "managedFields")) {
                own.children.remove("f:" + field);
            }
            own.member = false;
            if (own.isEmpty()) {
                result.children.remove("f:metadata");
            } else {
                result.children.put("f:metadata", own);
            }
        }
        return result;
    }

    boolean isEmpty() {
        return !member && children.isEmpty();
    }

    /** The places as people write them: {@code .spec.containers[name="x"].image}. */
    List<String> paths() {
        List<String> paths = new ArrayList<>();
        list("", paths);
        return paths;
    }

    private void list(String prefix, List<String> paths) {
        if (member) {
            paths.add(prefix);
        }
        children.forEach((step, set) -> {
            String rest = step.substring(2);
            String name = switch (step.charAt(0)) {
                case 'f' -> "." + rest;
                case 'k' -> "[" + rest.substring(1, rest.length() - 1).replaceAll("\"(\\w+)\":", "$1=") + "]";
                default -> "[=" + rest + "]";
            };
            set.list(prefix + name, paths);
        });
    }

    /** Removes from {@code object} every place of this set that has no place in {@code keep}, with all below it. */
    void removeFrom(JsonNode object, FieldSet keep, Shape shape) {
        children.forEach((step, set) -> {
            FieldSet kept = keep.children.get(step);
            if (object instanceof ObjectNode fields) {
                String name = step.substring(2);
                if (kept == null) {
                    fields.remove(name);
                } else if (fields.has(name)) {
                    set.removeFrom(fields.get(name), kept, shape.field(name));
                }
            } else if (object instanceof ArrayNode list) {
                Iterator<JsonNode> items = list.iterator();
                while (items.hasNext()) {
                    JsonNode item = items.next();
                    String own = step.startsWith("v:") ? "v:" + item : "k:" + keyOf(item, shape.keys());
                    if (own.equals(step)) {
                        if (kept == null) {
                            items.remove();
                        } else {
                            set.removeFrom(item, kept, shape.item());
                        }
                    }
                }
            }
        });
    }

    private FieldSet copy() {
        FieldSet copy = new FieldSet();
        copy.member = member;
        copy.children.putAll(children);
        return copy;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FieldSet set && member == set.member && children.equals(set.children);
    }

    @Override
    public int hashCode() {
        return children.hashCode();
    }
}
