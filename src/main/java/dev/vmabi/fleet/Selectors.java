package dev.vmabi.fleet;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import java.util.List;
import java.util.Map;

/** Kubernetes' label selectors, as {@code metav1.LabelSelector} defines them. */
public final class Selectors {
    private Selectors() {}

    /** Whether the labels match; an absent selector matches everything, one that is not whole or not known nothing. */
    public static boolean matches(LabelSelector selector, Map<String, String> labels) {
        if (selector == null) {
            return true;
        }
        Map<String, String> wanted = selector.getMatchLabels() == null ? Map.of() : selector.getMatchLabels();
        List<LabelSelectorRequirement> requirements =
                selector.getMatchExpressions() == null ? List.of() : selector.getMatchExpressions();
        return has(labels, wanted) && requirements.stream().allMatch(r -> matches(r, labels));
    }

    /** Whether the labels have all of a node selector; what has no value is no label's. */
    public static boolean has(Map<String, String> labels, Map<String, String> nodeSelector) {
        // A look-up each: entrySet().containsAll() goes through all labels of a map that does not change.
        for (Map.Entry<String, String> wanted : nodeSelector.entrySet()) {
            if (wanted.getValue() == null || !wanted.getValue().equals(labels.get(wanted.getKey()))) {
                return false;
            }
        }
        return true;
    }

    /** Whether the selector says nothing, and so would match everything. */
    public static boolean isEmpty(LabelSelector selector) {
        return selector == null
                || ((selector.getMatchLabels() == null
                                || selector.getMatchLabels().isEmpty())
                        && (selector.getMatchExpressions() == null
                                || selector.getMatchExpressions().isEmpty()));
    }

    private static boolean matches(LabelSelectorRequirement requirement, Map<String, String> labels) {
        if (requirement.getKey() == null || requirement.getOperator() == null) {
            return false;
        }
        String value = labels.get(requirement.getKey());
        List<String> values = requirement.getValues() == null ? List.of() : requirement.getValues();
        return switch (requirement.getOperator()) {
            case "In" -> value != null && values.contains(value);
            case "NotIn" -> value == null || !values.contains(value);
            case "Exists" -> value != null;
            case "DoesNotExist" -> value == null;
            default -> false;
        };
    }
}
