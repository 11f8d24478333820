package dev.vmabi.api;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.crdv2.generator.CRDPostProcessor;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinitionVersion;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What annotations cannot say of a generated CRD. Runs at build time only. */
public final class CrdFinish implements CRDPostProcessor {
    private static final Map<String, String> SELECTOR_FIELDS = Map.of(
            "matchLabels", "Labels that must be there with these values.",
            "matchExpressions", "Requirements that must all hold.",
            "key", "The label.",
            "operator", "In, NotIn, Exists or DoesNotExist.",
            "values", "Values for In and NotIn.");

    private static final Map<String, String> CONDITION_FIELDS = Map.of(
            "type", "What the condition speaks of.",
            "status", "True, False or Unknown.",
            "reason", "Why, in one word.",
            "message", "Why, for people.",
            "observedGeneration", "Generation of the spec that the condition speaks of.",
            "lastTransitionTime", "When the status last changed (RFC 3339).");

    @Override
    public HasMetadata process(HasMetadata object, String version) {
        if (object instanceof CustomResourceDefinition crd) {
            crd.getSpec()
                    .getVersions()
                    .forEach(v -> finish(crd.getSpec().getNames().getKind(), v));
        }
        return object;
    }

    private static void finish(String kind, CustomResourceDefinitionVersion version) {
        List<String> order = columns(kind);
        version.getAdditionalPrinterColumns().sort(Comparator.comparingInt(c -> order.indexOf(c.getName())));
        JSONSchemaProps schema = version.getSchema().getOpenAPIV3Schema();
        schema.setRequired(List.of("spec"));
        schema.getProperties().get("spec").setDescription("What is asked for, or what was found.");
        schema.getProperties().get("status").setDescription("What the operator decided.");
        schema.getProperties().forEach((name, property) -> visit(name, property));
    }

    /** Columns in the order in which the class declares them; the generator sorts them by name. */
    private static List<String> columns(String kind) {
        try {
            return Arrays.stream(Class.forName(CrdFinish.class.getPackageName() + "." + kind)
                            .getAnnotationsByType(AdditionalPrinterColumn.class))
                    .map(AdditionalPrinterColumn::name)
                    .toList();
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException("no class for kind " + kind, e);
        }
    }

    private static void visit(String name, JSONSchemaProps schema) {
        Map<String, JSONSchemaProps> properties = Objects.requireNonNullElse(schema.getProperties(), Map.of());
        if (properties.containsKey("matchLabels")) {
            describe(schema, SELECTOR_FIELDS);
        }
        if (name.equals("conditions")) {
            schema.setXKubernetesListType("map");
            schema.setXKubernetesListMapKeys(List.of("type"));
            JSONSchemaProps item = schema.getItems().getSchema();
            describe(item, CONDITION_FIELDS);
            item.setRequired(List.of("type", "status"));
        }
        if (schema.getXKubernetesValidations() != null) {
            schema.setXKubernetesValidations(
                    schema.getXKubernetesValidations().stream().distinct().toList());
        }
        bound(schema);
        properties.forEach(CrdFinish::visit);
        if (schema.getItems() != null && schema.getItems().getSchema() != null) {
            visit("", schema.getItems().getSchema());
        }
        if (schema.getAdditionalProperties() != null
                && schema.getAdditionalProperties().getSchema() != null) {
            visit("", schema.getAdditionalProperties().getSchema());
        }
    }

    /** Keeps an integer that Java cannot hold from being stored: one such object would break every typed list. */
    private static void bound(JSONSchemaProps schema) {
        if ("integer".equals(schema.getType()) && schema.getMaximum() == null) {
            schema.setMinimum(schema.getMinimum() == null ? 0d : schema.getMinimum());
            schema.setMaximum((double) Integer.MAX_VALUE);
        }
    }

    private static void describe(JSONSchemaProps schema, Map<String, String> descriptions) {
        schema.getProperties().forEach((name, property) -> {
            if (property.getDescription() == null) {
                property.setDescription(descriptions.get(name));
            }
            if (property.getItems() != null
                    && property.getItems().getSchema() != null
                    && property.getItems().getSchema().getProperties() != null) {
                describe(property.getItems().getSchema(), descriptions);
            }
        });
    }
}
