package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/** Label selectors in both their forms, and field selectors. */
final class Selectors {
    private static final Pattern SET = Pattern.compile("\\s*([^\\s!=(),]+)\\s+(in|notin)\\s+\\(([^)]*)\\)\\s*");
    private static final Pattern EQUALITY = Pattern.compile("\\s*([^\\s!=(),]+)\\s*(==|=|!=)\\s*([^\\s!=(),]*)\\s*");
    private static final Pattern PRESENCE = Pattern.compile("\\s*(!?)\\s*([^\\s!=(),]+)\\s*");

    /** Fields other than metadata.name and metadata.namespace by which a resource can be selected. */
    private static final Map<String, Set<String>> FIELDS = Map.of(
            "pods",
            Set.of(
                    "spec.nodeName",
                    "status.phase",
                    "spec.restartPolicy",
                    "spec.schedulerName",
                    "spec.serviceAccountName",
                    "status.podIP",
                    "status.nominatedNodeName"),
            "events",
            Set.of(
                    "involvedObject.kind",
                    "involvedObject.namespace",
                    "involvedObject.name",
                    "involvedObject.uid",
                    "involvedObject.apiVersion",
                    "involvedObject.resourceVersion",
                    "involvedObject.fieldPath",
                    "reason",
                    "reportingComponent",
                    "source",
                    "type"),
            "nodes",
            Set.of("spec.unschedulable"),
            "namespaces",
            Set.of("status.phase"),
            "secrets",
            Set.of("type"));

    private Selectors() {}

    /** The query form: {@code a=b,c!=d,e in (f,g),h notin (i),j,!k}; a label that is absent satisfies the negations. */
    static Predicate<JsonNode> labels(String selector) {
        Predicate<JsonNode> all = object -> true;
        for (String term : selector.split(",(?![^(]*\\))", -1)) {
            if (!term.isBlank()) {
                Predicate<JsonNode> one = label(term);
                all = all.and(object -> one.test(Json.at(object, "metadata", "labels")));
            }
        }
        return all;
    }

    private static Predicate<JsonNode> label(String term) {
        Matcher m = SET.matcher(term);
        if (m.matches()) {
            Set<String> values = new HashSet<>(Arrays.asList(m.group(3).trim().split("\\s*,\\s*", -1)));
            return requirement(m.group(1), m.group(2), values);
        }
        m = EQUALITY.matcher(term);
        if (m.matches()) {
            return requirement(m.group(1), m.group(2).equals("!=") ? "notin" : "in", Set.of(m.group(3)));
        }
        m = PRESENCE.matcher(term);
        if (m.matches()) {
            return requirement(m.group(2), m.group(1).isEmpty() ? "exists" : "doesnotexist", Set.of());
        }
        throw ApiException.badRequest("unable to parse requirement: " + term);
    }

    private static Predicate<JsonNode> requirement(String key, String operator, Set<String> values) {
        return switch (operator) {
            case "in" ->
                labels -> labels.has(key) && values.contains(labels.get(key).asText());
            case "notin" ->
                labels -> !labels.has(key) || !values.contains(labels.get(key).asText());
            case "exists" -> labels -> labels.has(key);
            case "doesnotexist" -> labels -> !labels.has(key);
            default -> throw ApiException.badRequest("\"" + operator + "\" is not a valid label selector operator");
        };
    }

    /** The object form ({@code matchLabels}, {@code matchExpressions}); matches a map of labels. */
    static boolean matches(JsonNode selector, JsonNode labels) {
        for (Map.Entry<String, JsonNode> label : selector.path("matchLabels").properties()) {
            if (!labels.has(label.getKey()) || !labels.get(label.getKey()).equals(label.getValue())) {
                return false;
            }
        }
        for (JsonNode expression : selector.path("matchExpressions")) {
            List<String> values = StreamSupport.stream(expression.path("values").spliterator(), false)
                    .map(JsonNode::asText)
                    .toList();
            String operator = Json.text(expression, "operator").toLowerCase(java.util.Locale.ROOT);
            if (!requirement(Json.text(expression, "key"), operator, Set.copyOf(values))
                    .test(labels)) {
                return false;
            }
        }
        return true;
    }

    static Predicate<JsonNode> fields(ResourceType type, String selector) {
        Predicate<JsonNode> all = object -> true;
        for (String term : selector.split(",", -1)) {
            if (term.isBlank()) {
                continue;
            }
            Matcher m = Pattern.compile("([^!=]+)(==|=|!=)(.*)").matcher(term);
            if (!m.matches()) {
                throw ApiException.badRequest("invalid field selector: " + term);
            }
            String field = m.group(1);
            checkSelectable(type, field);
            String value = m.group(3);
            boolean wanted = !m.group(2).equals("!=");
            all = all.and(object ->
                    Json.text(selectable(type, object), field.split("\\.")).equals(value) == wanted);
        }
        return all;
    }

    /** Events are selected by the fields of their older form, in either group. */
    private static JsonNode selectable(ResourceType type, JsonNode object) {
        boolean event = type.storedAs().equals("events");
        return event ? Versions.convert((ObjectNode) object, "v1") : object;
    }

    private static void checkSelectable(ResourceType type, String field) {
        boolean declared = StreamSupport.stream(type.selectableFields().spliterator(), false)
                .anyMatch(f -> Json.text(f, "jsonPath").equals("." + field));
        boolean builtIn =
                !type.custom() && FIELDS.getOrDefault(type.plural(), Set.of()).contains(field);
        if (!field.equals("metadata.name") && !field.equals("metadata.namespace") && !declared && !builtIn) {
            throw ApiException.badRequest("field label not supported: " + field);
        }
    }
}
