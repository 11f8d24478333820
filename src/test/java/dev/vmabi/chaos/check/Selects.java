package dev.vmabi.chaos.check;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What a label selector selects, by the words of the Kubernetes API. */
final class Selects {
    private Selects() {}

    /** An empty selector of nodes selects none here. */
    static boolean node(LabelSelector selector, Map<String, String> labels) {
        if (selector == null || !"arm64".equals(labels.get("kubernetes.io/arch"))) {
            return false;
        }
        Map<String, String> exact = Objects.requireNonNullElse(selector.getMatchLabels(), Map.of());
        List<LabelSelectorRequirement> more = Objects.requireNonNullElse(selector.getMatchExpressions(), List.of());
        return !(exact.isEmpty() && more.isEmpty())
                && labels.entrySet().containsAll(exact.entrySet())
                && more.stream().allMatch(r -> meets(r, labels.get(r.getKey())));
    }

    private static boolean meets(LabelSelectorRequirement requirement, String value) {
        return switch (requirement.getOperator()) {
            case "In" -> value != null && requirement.getValues().contains(value);
            case "NotIn" -> value == null || !requirement.getValues().contains(value);
            case "Exists" -> value != null;
            case "DoesNotExist" -> value == null;
            default -> false;
        };
    }
}
