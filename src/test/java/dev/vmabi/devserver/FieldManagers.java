package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Who owns which field ({@code metadata.managedFields}), and server-side apply on top of it. */
final class FieldManagers {
    /** @param operation {@code Apply} or {@code Update}; {@code subresource} is empty for the object itself */
    record Manager(String name, String operation, String subresource) {}

    private record Entry(FieldSet fields, String apiVersion, String time) {}

    private final Map<Manager, Entry> entries = new LinkedHashMap<>();
    private final String apiVersion;
    private final Shape shape;

    private FieldManagers(JsonNode managedFields, ResourceType type) {
        apiVersion = type.apiVersion();
        shape = Shape.of(type);
        for (JsonNode entry : managedFields) {
            Manager manager = new Manager(
                    Json.text(entry, "manager"), Json.text(entry, "operation"), Json.text(entry, "subresource"));
            if (!manager.operation().isEmpty()) {
                FieldSet fields = FieldSet.fromJson(entry.path("fieldsV1"));
                entries.put(manager, new Entry(fields, Json.text(entry, "apiVersion"), Json.text(entry, "time")));
            }
        }
    }

    /**
     * Records a write that was no apply: {@code manager} owns what it changed, others lose what was changed or removed.
     *
     * @param live the object before; null for a creation
     */
    static void update(ObjectNode live, ObjectNode next, ResourceType type, Manager manager) {
        JsonNode sent = Json.at(next, "metadata", "managedFields");
        boolean given = sent.isArray() && !sent.isEmpty();
        JsonNode base = given || live == null ? sent : Json.at(live, "metadata", "managedFields");
        FieldManagers managers = new FieldManagers(base, type);
        FieldSet changed = FieldSet.changed(live, next, managers.shape).withoutSystemFields();
        FieldSet removed = live == null
                ? new FieldSet()
                : FieldSet.of(live, managers.shape).withoutSystemFields().minus(FieldSet.of(next, managers.shape));
        managers.take(manager, changed.union(removed));
        Entry own = managers.entries.get(manager);
        FieldSet before = own == null ? new FieldSet() : own.fields();
        managers.put(manager, before.union(changed).minus(removed));
        managers.writeTo(next);
    }

    /**
     * Server-side apply.
     *
     * @param live the object before; null for a creation
     * @param config what the manager wants: all of it and nothing else will be its own
     * @return the merged object, with its managed fields
     * @throws ApiException 409 naming every field that another manager owns with another value, unless forced
     */
    static ObjectNode apply(ObjectNode live, ObjectNode config, ResourceType type, Manager manager, boolean force) {
        JsonNode before = live == null ? Json.object() : live;
        FieldManagers managers = new FieldManagers(Json.at(before, "metadata", "managedFields"), type);
        FieldSet applied = FieldSet.of(config, managers.shape).withoutSystemFields();
        ObjectNode merged = (ObjectNode) merge(before, config, managers.shape);
        FieldSet changed = FieldSet.changed(before, merged, managers.shape).intersect(applied);
        managers.checkConflicts(manager, changed, force);
        managers.take(manager, changed);
        FieldSet keep = applied;
        for (Map.Entry<Manager, Entry> entry : managers.entries.entrySet()) {
            if (!entry.getKey().equals(manager)) {
                keep = keep.union(entry.getValue().fields());
            }
        }
        Entry last = managers.entries.get(manager);
        if (last != null) {
            last.fields().removeFrom(merged, keep, managers.shape);
        }
        managers.put(manager, applied);
        managers.writeTo(merged);
        return merged;
    }

    private static JsonNode merge(JsonNode live, JsonNode config, Shape shape) {
        if (config.isObject() && live.isObject() && !shape.atomic()) {
            ObjectNode merged = live.deepCopy();
            config.properties().forEach(field -> {
                JsonNode old = live.path(field.getKey());
                merged.set(field.getKey(), merge(old, field.getValue(), shape.field(field.getKey())));
            });
            return merged;
        }
        if (config.isArray() && live.isArray() && (shape.set() || !shape.keys().isEmpty())) {
            Map<String, JsonNode> items = new LinkedHashMap<>();
            live.forEach(item -> items.put(shape.set() ? item.toString() : FieldSet.keyOf(item, shape.keys()), item));
            config.forEach(item -> items.merge(
                    shape.set() ? item.toString() : FieldSet.keyOf(item, shape.keys()),
                    item,
                    (old, wanted) -> merge(old, wanted, shape.item())));
            ArrayNode merged = Json.MAPPER.createArrayNode();
            items.values().forEach(merged::add);
            return merged;
        }
        return config.deepCopy();
    }

    private void checkConflicts(Manager manager, FieldSet changed, boolean force) {
        List<ApiException.Cause> causes = new ArrayList<>();
        entries.forEach((other, entry) -> {
            if (!other.equals(manager)) {
                String using = other.operation().equals("Update") ? " using " + entry.apiVersion() : "";
                for (String path : entry.fields().intersect(changed).paths()) {
                    String message = "conflict with \"" + other.name() + "\"" + using;
                    causes.add(new ApiException.Cause("FieldManagerConflict", message, path));
                }
            }
        });
        if (!force && !causes.isEmpty()) {
            StringBuilder message = new StringBuilder("Apply failed with " + causes.size());
            message.append(causes.size() == 1 ? " conflict:" : " conflicts:");
            causes.forEach(cause -> message.append(" " + cause.message() + ": " + cause.field()));
            throw new ApiException(409, "Conflict", message.toString()).because(causes);
        }
    }

    /** Everybody but {@code manager} loses {@code fields}. */
    private void take(Manager manager, FieldSet fields) {
        List.copyOf(entries.keySet()).stream()
                .filter(other -> !other.equals(manager))
                .forEach(other -> put(other, entries.get(other).fields().minus(fields)));
    }

    /** An entry that says what it said keeps its time, so that a write that changes nothing changes nothing. */
    private void put(Manager manager, FieldSet fields) {
        Entry old = entries.get(manager);
        if (fields.isEmpty()) {
            entries.remove(manager);
        } else if (old == null || !old.fields().equals(fields)) {
            String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
            entries.put(manager, new Entry(fields, apiVersion, now));
        }
    }

    private void writeTo(ObjectNode object) {
        ArrayNode array = Json.metadata(object).putArray("managedFields");
        entries.forEach((manager, entry) -> {
            ObjectNode json = array.addObject().put("manager", manager.name()).put("operation", manager.operation());
            json.put("apiVersion", entry.apiVersion()).put("time", entry.time()).put("fieldsType", "FieldsV1");
            json.set("fieldsV1", entry.fields().toJson());
            if (!manager.subresource().isEmpty()) {
                json.put("subresource", manager.subresource());
            }
        });
    }
}
