package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cel.runtime.CelEvaluationException;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Structural schemas of custom resources: defaulting, pruning and validation, CEL rules included. */
final class Schema {
    private final List<ApiException.Cause> causes = new ArrayList<>();

    private Schema() {}

    /** Fills in defaults where a field is absent. */
    static void applyDefaults(JsonNode value, JsonNode schema) {
        if (value instanceof ObjectNode object) {
            for (Map.Entry<String, JsonNode> property :
                    schema.path("properties").properties()) {
                JsonNode byDefault = property.getValue().path("default");
                JsonNode present = object.get(property.getKey());
                boolean nulled = present != null
                        && present.isNull()
                        && !property.getValue().path("nullable").asBoolean();
                if ((present == null || nulled) && !byDefault.isMissingNode()) {
                    object.set(property.getKey(), byDefault.deepCopy());
                } else if (nulled) {
                    object.remove(property.getKey());
                }
            }
            for (Map.Entry<String, JsonNode> field : object.properties()) {
                applyDefaults(field.getValue(), property(schema, field.getKey()));
            }
        } else if (value.isArray()) {
            value.forEach(item -> applyDefaults(item, schema.path("items")));
        }
    }

    /** Removes what the schema does not know; returns the paths of what was removed. */
    static List<String> prune(ObjectNode root, JsonNode schema) {
        List<String> unknown = new ArrayList<>();
        for (Map.Entry<String, JsonNode> property : schema.path("properties").properties()) {
            if (root.has(property.getKey()) && !property.getKey().equals("metadata")) {
                prune(root.get(property.getKey()), property.getValue(), property.getKey(), unknown);
            }
        }
        if (!preserves(schema)) {
            Set<String> served = Set.of("apiVersion", "kind", "metadata");
            removeUnknown(root, schema, "", unknown, served);
        }
        return unknown;
    }

    private static void prune(JsonNode value, JsonNode schema, String path, List<String> unknown) {
        if (value instanceof ObjectNode object) {
            boolean embedded = schema.path("x-kubernetes-embedded-resource").asBoolean();
            if (!preserves(schema) && !schema.has("additionalProperties")) {
                Set<String> served = embedded ? Set.of("apiVersion", "kind", "metadata") : Set.of();
                removeUnknown(object, schema, path + ".", unknown, served);
            }
            for (Map.Entry<String, JsonNode> field : object.properties()) {
                JsonNode property = property(schema, field.getKey());
                if (!property.isMissingNode()) {
                    prune(field.getValue(), property, path + "." + field.getKey(), unknown);
                }
            }
        } else if (value.isArray()) {
            for (int i = 0; i < value.size(); i++) {
                prune(value.get(i), schema.path("items"), path + "[" + i + "]", unknown);
            }
        }
    }

    private static void removeUnknown(
            ObjectNode object, JsonNode schema, String prefix, List<String> unknown, Set<String> served) {
        Iterator<Map.Entry<String, JsonNode>> fields = object.properties().iterator();
        while (fields.hasNext()) {
            String name = fields.next().getKey();
            if (!schema.path("properties").has(name) && !served.contains(name)) {
                unknown.add(prefix + name);
                fields.remove();
            }
        }
    }

    private static boolean preserves(JsonNode schema) {
        return schema.path("x-kubernetes-preserve-unknown-fields").asBoolean();
    }

    private static JsonNode property(JsonNode schema, String name) {
        JsonNode property = schema.path("properties").path(name);
        JsonNode additional = schema.path("additionalProperties");
        return !property.isMissingNode() || !additional.isObject() ? property : additional;
    }

    /**
     * What is wrong with {@code value}.
     *
     * @param old the value before, null if there was none: what an update leaves as it was is not held against it
     */
    static List<ApiException.Cause> validate(JsonNode value, JsonNode old, JsonNode schema) {
        Schema validation = new Schema();
        validation.check(value, old, schema, "");
        return validation.causes;
    }

    private void check(JsonNode value, JsonNode old, JsonNode schema, String path) {
        if (value.equals(old)) {
            return;
        }
        if (value.isNull() && schema.path("nullable").asBoolean()) {
            return;
        }
        if (!hasType(value, schema)) {
            String type = Json.text(schema, "type");
            invalid(path, value, "in body must be of type " + type + ": \"" + kind(value) + "\"");
            return;
        }
        checkEnum(value, schema, path);
        switch (value.getNodeType()) {
            case STRING -> checkText(value.asText(), schema, path);
            case NUMBER -> checkNumber(value, schema, path);
            case ARRAY -> checkArray(value, old, schema, path);
            case OBJECT -> checkObject(value, old, schema, path);
            default -> {}
        }
        checkJunctors(value, schema, path);
        checkRules(value, old, schema, path);
    }

    private static boolean hasType(JsonNode value, JsonNode schema) {
        if (schema.path("x-kubernetes-int-or-string").asBoolean()) {
            return value.isIntegralNumber() || value.isTextual();
        }
        return switch (Json.text(schema, "type")) {
            case "object" -> value.isObject();
            case "array" -> value.isArray();
            case "string" -> value.isTextual();
            case "integer" -> value.isIntegralNumber() || (value.isNumber() && value.asDouble() % 1 == 0);
            case "number" -> value.isNumber();
            case "boolean" -> value.isBoolean();
            default -> true;
        };
    }

    private static String kind(JsonNode value) {
        return switch (value.getNodeType()) {
            case NUMBER -> value.isIntegralNumber() ? "integer" : "number";
            default -> value.getNodeType().name().toLowerCase(java.util.Locale.ROOT);
        };
    }

    private void checkEnum(JsonNode value, JsonNode schema, String path) {
        JsonNode allowed = schema.path("enum");
        if (!allowed.isEmpty()) {
            List<String> texts = new ArrayList<>();
            for (JsonNode one : allowed) {
                if (one.equals(value)) {
                    return;
                }
                texts.add(one.toString());
            }
            String message = "Unsupported value: " + value + ": supported values: " + String.join(", ", texts);
            causes.add(new ApiException.Cause("FieldValueNotSupported", message, field(path)));
        }
    }

    private void checkText(String text, JsonNode schema, String path) {
        JsonNode value = Json.MAPPER.valueToTree(text);
        int length = text.codePointCount(0, text.length());
        if (schema.has("maxLength") && length > schema.get("maxLength").asInt()) {
            String message =
                    "Too long: may not be more than " + schema.get("maxLength").asInt() + " bytes";
            causes.add(new ApiException.Cause("FieldValueTooLong", message, field(path)));
        }
        if (schema.has("minLength") && length < schema.get("minLength").asInt()) {
            invalid(path, value, "in body should be at least " + schema.get("minLength") + " chars long");
        }
        if (schema.has("pattern")
                && !Pattern.compile(schema.get("pattern").asText())
                        .matcher(text)
                        .find()) {
            invalid(
                    path,
                    value,
                    "in body should match '" + schema.get("pattern").asText() + "'");
        }
        if (Json.text(schema, "format").equals("date-time")) {
            try {
                OffsetDateTime.parse(text);
            } catch (DateTimeException e) {
                invalid(path, value, "in body must be of type date-time: \"" + text + "\"");
            }
        }
    }

    private void checkNumber(JsonNode value, JsonNode schema, String path) {
        double number = value.asDouble();
        double minimum = schema.path("minimum").asDouble(Double.NEGATIVE_INFINITY);
        double maximum = schema.path("maximum").asDouble(Double.POSITIVE_INFINITY);
        boolean below = schema.path("exclusiveMinimum").asBoolean() ? number <= minimum : number < minimum;
        boolean above = schema.path("exclusiveMaximum").asBoolean() ? number >= maximum : number > maximum;
        if (below) {
            invalid(path, value, "in body should be greater than or equal to " + schema.get("minimum"));
        }
        if (above) {
            invalid(path, value, "in body should be less than or equal to " + schema.get("maximum"));
        }
        if (Json.text(schema, "format").equals("int32") && !value.canConvertToInt()) {
            invalid(path, value, "in body must be of type int32: \"" + value + "\"");
        }
    }

    private void checkArray(JsonNode list, JsonNode old, JsonNode schema, String path) {
        checkSize(list.size(), "Items", "items", schema, path);
        Shape shape = new Shape.OfSchema(schema, false);
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < list.size(); i++) {
            JsonNode item = list.get(i);
            String here = path + "[" + i + "]";
            boolean keyed = !shape.keys().isEmpty();
            if ((keyed || shape.set()) && !seen.add(keyed ? FieldSet.keyOf(item, shape.keys()) : item.toString())) {
                String message = "Duplicate value: " + (keyed ? FieldSet.keyOf(item, shape.keys()) : item);
                causes.add(new ApiException.Cause("FieldValueDuplicate", message, field(here)));
            }
            JsonNode before = keyed && old != null ? shape.matching(old, item) : MissingNode.getInstance();
            check(item, before.isMissingNode() ? null : before, schema.path("items"), here);
        }
    }

    private void checkObject(JsonNode object, JsonNode old, JsonNode schema, String path) {
        checkSize(object.size(), "Properties", "properties", schema, path);
        for (JsonNode name : schema.path("required")) {
            if (!object.has(name.asText())) {
                String missing = path + "." + name.asText();
                causes.add(new ApiException.Cause("FieldValueRequired", "Required value", field(missing)));
            }
        }
        for (Map.Entry<String, JsonNode> field : object.properties()) {
            if (!path.isEmpty() || !field.getKey().equals("metadata")) {
                JsonNode before = old == null ? null : old.get(field.getKey());
                check(field.getValue(), before, property(schema, field.getKey()), path + "." + field.getKey());
            }
        }
    }

    private void checkSize(int size, String suffix, String noun, JsonNode schema, String path) {
        if (schema.has("max" + suffix) && size > schema.get("max" + suffix).asInt()) {
            String message = "Too many: " + size + ": must have at most " + schema.get("max" + suffix) + " " + noun;
            causes.add(new ApiException.Cause("FieldValueTooMany", message, field(path)));
        }
        if (schema.has("min" + suffix) && size < schema.get("min" + suffix).asInt()) {
            invalid(
                    path,
                    Json.MAPPER.valueToTree(size),
                    "in body should have at least " + schema.get("min" + suffix) + " " + noun);
        }
    }

    private void checkJunctors(JsonNode value, JsonNode schema, String path) {
        schema.path("allOf").forEach(one -> check(value, null, one, path));
        if (schema.has("not") && validate(value, null, schema.get("not")).isEmpty()) {
            invalid(path, value, "in body must not validate the schema (not)");
        }
        for (String junctor : List.of("anyOf", "oneOf")) {
            int valid = 0;
            for (JsonNode one : schema.path(junctor)) {
                valid += validate(value, null, one).isEmpty() ? 1 : 0;
            }
            if (!schema.path(junctor).isEmpty() && (valid == 0 || (valid > 1 && junctor.equals("oneOf")))) {
                invalid(path, value, "in body must validate one of the schemas (" + junctor + ")");
            }
        }
    }

    private void checkRules(JsonNode value, JsonNode old, JsonNode schema, String path) {
        for (JsonNode rule : schema.path("x-kubernetes-validations")) {
            String expression = Json.text(rule, "rule");
            boolean transition = expression.contains("oldSelf");
            if (transition && old == null) {
                continue;
            }
            Map<String, JsonNode> variables =
                    old == null ? Map.of("self", value) : Map.of("self", value, "oldSelf", old);
            String place = path + Json.text(rule, "fieldPath");
            try {
                if (!Boolean.TRUE.equals(Cel.evaluate(expression, variables))) {
                    String reason = rule.path("reason").asText("FieldValueInvalid");
                    causes.add(new ApiException.Cause(reason, message(rule, variables, value), field(place)));
                }
            } catch (CelEvaluationException e) {
                invalid(place, value, "rule cannot be evaluated: " + expression + ": " + e.getMessage());
            }
        }
    }

    private static String message(JsonNode rule, Map<String, JsonNode> variables, JsonNode value)
            throws CelEvaluationException {
        String fallback = rule.path("message").asText("failed rule: " + Json.text(rule, "rule"));
        String text = rule.has("messageExpression")
                ? String.valueOf(Cel.evaluate(Json.text(rule, "messageExpression"), variables))
                : fallback;
        return "Invalid value: " + (value.isContainerNode() ? "\"" + kind(value) + "\"" : value) + ": " + text;
    }

    private void invalid(String path, JsonNode value, String what) {
        String shown = value.isContainerNode() ? "\"" + kind(value) + "\"" : value.toString();
        String message = "Invalid value: " + shown + ": " + field(path) + " " + what;
        causes.add(new ApiException.Cause("FieldValueInvalid", message, field(path)));
    }

    private static String field(String path) {
        return path.isEmpty() ? "<nil>" : path.substring(1);
    }
}
