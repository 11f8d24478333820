package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.Imposition;
import io.fabric8.kubernetes.api.model.NodeSelectorRequirement;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Steering as JSON patches (RFC 6902). They only add: a key that is there already keeps its value, and an object that
 * already has all of it gets an empty patch, so that a webhook may be called again.
 */
final class Patches {
    private static final String PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

    /** Out of 100: a strong wish, which resources and the owner's own wishes can still outweigh. */
    private static final int PREFERENCE_WEIGHT = 50;

    private static final String REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";

    private Patches() {}

    /** For a VirtualMachineInstanceMigration: KubeVirt lays this selector under the one it renders itself. */
    static ArrayNode migration(JsonNode object, Steering steering) {
        ArrayNode patch = JsonNodeFactory.instance.arrayNode();
        if (object.path("spec").isObject()) {
            addEntries(patch, object, "addedNodeSelector", steering.nodeSelector());
        }
        return patch;
    }

    static ArrayNode pod(JsonNode object, Steering steering) {
        ArrayNode patch = JsonNodeFactory.instance.arrayNode();
        if (object.path("spec").isObject()) {
            addEntries(patch, object, "nodeSelector", steering.nodeSelector());
            addAffinity(patch, object.path("spec").path("affinity"), steering);
        }
        return patch;
    }

    /** For a VirtualMachineInstance; what its owner wrote comes first and stays. */
    static ArrayNode instance(JsonNode object, Imposition imposition) {
        ArrayNode patch = none();
        JsonNode domain = object.path("spec").path("domain");
        JsonNode features = domain.path("cpu").path("features");
        ArrayNode disabled = JsonNodeFactory.instance.arrayNode();
        imposition
                .cpuFeatures()
                .forEach(name -> disabled.addObject().put("name", name).put("policy", "disable"));
        if (disabled.isEmpty() || !domain.isObject()) {
            // Nothing to disable, or no VM.
        } else if (features.isArray()) {
            disabled.forEach(feature -> add(patch, "/spec/domain/cpu/features/-", feature));
        } else if (domain.path("cpu").isObject()) {
            add(patch, "/spec/domain/cpu/features", disabled);
        } else {
            add(patch, "/spec/domain/cpu", JsonNodeFactory.instance.objectNode().set("features", disabled));
        }
        if (!imposition.byHook().isEmpty()) {
            add(
                    patch,
                    "/metadata/annotations/" + escape(Names.CLAMP),
                    JsonNodeFactory.instance.textNode(imposition.byHook()));
        }
        return patch;
    }

    static ArrayNode none() {
        return JsonNodeFactory.instance.arrayNode();
    }

    private static void addEntries(ArrayNode patch, JsonNode object, String field, Map<String, String> entries) {
        JsonNode present = object.path("spec").path(field);
        Map<String, String> missing = new TreeMap<>(entries);
        missing.keySet().removeIf(present::has);
        if (missing.isEmpty()) {
            return;
        }
        if (present.isObject()) {
            missing.forEach((key, value) ->
                    add(patch, "/spec/" + field + "/" + escape(key), JsonNodeFactory.instance.textNode(value)));
        } else {
            ObjectNode all = JsonNodeFactory.instance.objectNode();
            missing.forEach(all::put);
            add(patch, "/spec/" + field, all);
        }
    }

    private static void addAffinity(ArrayNode patch, JsonNode present, Steering steering) {
        ObjectNode affinity =
                present instanceof ObjectNode object ? object.deepCopy() : JsonNodeFactory.instance.objectNode();
        if (!steering.anyOf().isEmpty()) {
            ObjectNode nodeAffinity = child(affinity, "nodeAffinity");
            JsonNode terms = nodeAffinity.path(REQUIRED).path("nodeSelectorTerms");
            child(nodeAffinity, REQUIRED).set("nodeSelectorTerms", narrowed(terms, steering.anyOf()));
        }
        steering.prefer().ifPresent(requirement -> prefer(child(affinity, "nodeAffinity"), requirement));
        if (!affinity.equals(present) && !affinity.isEmpty()) {
            add(patch, "/spec/affinity", affinity);
        }
    }

    private static void prefer(ObjectNode nodeAffinity, NodeSelectorRequirement requirement) {
        ArrayNode terms = nodeAffinity.path(PREFERRED) instanceof ArrayNode a ? a : nodeAffinity.putArray(PREFERRED);
        for (JsonNode term : terms) {
            for (JsonNode expression : term.path("preference").path("matchExpressions")) {
                if (requirement.getKey().equals(expression.path("key").asText())) {
                    return;
                }
            }
        }
        terms.addObject()
                .put("weight", PREFERENCE_WEIGHT)
                .putObject("preference")
                .putArray("matchExpressions")
                .add(tree(requirement));
    }

    /**
     * The terms, each with each alternative: terms are ORed, so a demand belongs into every one of them. A term that
     * already holds an alternative stays as it is.
     */
    private static ArrayNode narrowed(JsonNode terms, List<List<NodeSelectorRequirement>> anyOf) {
        List<JsonNode> alternatives = anyOf.stream().map(Patches::tree).toList();
        ArrayNode narrowed = JsonNodeFactory.instance.arrayNode();
        if (terms.isEmpty()) {
            alternatives.forEach(a -> narrowed.addObject().set("matchExpressions", a));
        }
        for (JsonNode term : terms) {
            if (!(term instanceof ObjectNode object) || holdsOneOf(term.path("matchExpressions"), alternatives)) {
                narrowed.add(term);
                continue;
            }
            for (JsonNode alternative : alternatives) {
                ObjectNode copy = object.deepCopy();
                ArrayNode expressions =
                        copy.path("matchExpressions") instanceof ArrayNode a ? a : copy.putArray("matchExpressions");
                alternative.forEach(expressions::add);
                narrowed.add(copy);
            }
        }
        return narrowed;
    }

    private static boolean holdsOneOf(JsonNode expressions, List<JsonNode> alternatives) {
        return alternatives.stream().anyMatch(alternative -> {
            for (JsonNode requirement : alternative) {
                boolean held = false;
                for (JsonNode expression : expressions) {
                    held |= expression.equals(requirement);
                }
                if (!held) {
                    return false;
                }
            }
            return true;
        });
    }

    private static JsonNode tree(List<NodeSelectorRequirement> requirements) {
        return JsonNodeFactory.instance
                .arrayNode()
                .addAll(requirements.stream().map(Patches::tree).toList());
    }

    private static ObjectNode tree(NodeSelectorRequirement requirement) {
        ObjectNode tree = JsonNodeFactory.instance
                .objectNode()
                .put("key", requirement.getKey())
                .put("operator", requirement.getOperator());
        if (!requirement.getValues().isEmpty()) {
            requirement.getValues().forEach(tree.putArray("values")::add);
        }
        return tree;
    }

    private static ObjectNode child(ObjectNode parent, String name) {
        return parent.get(name) instanceof ObjectNode object ? object : parent.putObject(name);
    }

    private static void add(ArrayNode patch, String path, JsonNode value) {
        patch.addObject().put("op", "add").put("path", path).set("value", value);
    }

    /** A key as one step of a JSON pointer (RFC 6901). */
    private static String escape(String key) {
        return key.replace("~", "~0").replace("/", "~1");
    }
}
