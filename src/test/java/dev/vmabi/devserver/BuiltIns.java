package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cel.common.CelValidationException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** What single built-in kinds need beyond being stored: defaults, and the few checks a client can trip over. */
final class BuiltIns {
    private static final Pattern SUBDOMAIN = Pattern.compile("[a-z0-9]([-a-z0-9.:]*[a-z0-9])?");
    private static final Pattern QUALIFIED =
            Pattern.compile("([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?");
    private static final Pattern LABEL_VALUE = Pattern.compile("([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?");

    private BuiltIns() {}

    static void applyDefaults(ResourceType type, ObjectNode object) {
        switch (type.groupResource()) {
            case "namespaces" -> namespace(object);
            case "pods" -> pod(object);
            case "secrets" -> secret(object);
            case "services" -> setIfAbsent(object.withObjectProperty("spec"), "type", "ClusterIP");
            case "mutatingwebhookconfigurations.admissionregistration.k8s.io" -> webhooks(object, true);
            case "validatingwebhookconfigurations.admissionregistration.k8s.io" -> webhooks(object, false);
            case Resources.CRDS -> crd(object);
            default -> {}
        }
    }

    private static void namespace(ObjectNode object) {
        Json.metadata(object)
                .withObjectProperty("labels")
                .put("kubernetes.io/metadata.name", Json.text(object, "metadata", "name"));
        ObjectNode spec = object.withObjectProperty("spec");
        if (!spec.has("finalizers")) {
            spec.putArray("finalizers").add("kubernetes");
        }
        setIfAbsent(object.withObjectProperty("status"), "phase", "Active");
    }

    private static void pod(ObjectNode object) {
        ObjectNode spec = object.withObjectProperty("spec");
        setIfAbsent(spec, "restartPolicy", "Always");
        setIfAbsent(spec, "schedulerName", "default-scheduler");
        setIfAbsent(spec, "dnsPolicy", "ClusterFirst");
        if (!spec.has("terminationGracePeriodSeconds")) {
            spec.put("terminationGracePeriodSeconds", 30);
        }
        setIfAbsent(object.withObjectProperty("status"), "phase", "Pending");
    }

    private static void secret(ObjectNode object) {
        setIfAbsent(object, "type", "Opaque");
        if (object.remove("stringData") instanceof ObjectNode texts) {
            ObjectNode data = object.withObjectProperty("data");
            texts.properties()
                    .forEach(text -> data.put(
                            text.getKey(),
                            Base64.getEncoder()
                                    .encodeToString(text.getValue().asText().getBytes(StandardCharsets.UTF_8))));
        }
    }

    private static void webhooks(ObjectNode object, boolean mutating) {
        for (JsonNode node : object.path("webhooks")) {
            if (node instanceof ObjectNode webhook) {
                setIfAbsent(webhook, "failurePolicy", "Fail");
                setIfAbsent(webhook, "matchPolicy", "Equivalent");
                webhook.withObjectProperty("namespaceSelector");
                webhook.withObjectProperty("objectSelector");
                if (mutating) {
                    setIfAbsent(webhook, "reinvocationPolicy", "Never");
                }
                if (!webhook.has("timeoutSeconds")) {
                    webhook.put("timeoutSeconds", 10);
                }
                webhook.path("rules").forEach(rule -> setIfAbsent((ObjectNode) rule, "scope", "*"));
                if (webhook.path("clientConfig").path("service") instanceof ObjectNode service
                        && !service.has("port")) {
                    service.put("port", 443);
                }
            }
        }
    }

    private static void crd(ObjectNode object) {
        ObjectNode spec = object.withObjectProperty("spec");
        ObjectNode names = spec.withObjectProperty("names");
        String kind = Json.text(names, "kind");
        setIfAbsent(names, "singular", kind.toLowerCase(java.util.Locale.ROOT));
        setIfAbsent(names, "listKind", kind + "List");
        if (!spec.has("conversion")) {
            spec.putObject("conversion").put("strategy", "None");
        }
        ObjectNode status = object.withObjectProperty("status");
        status.set("acceptedNames", names.deepCopy());
        ArrayNode stored = Json.MAPPER.createArrayNode();
        for (JsonNode version : spec.path("versions")) {
            if (version.path("storage").asBoolean()) {
                stored.add(version.path("name"));
            }
        }
        status.set("storedVersions", stored);
        if (!status.has("conditions")) {
            String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
            for (Map.Entry<String, String> condition : Map.of(
                            "NamesAccepted", "NoConflicts", "Established", "InitialNamesAccepted")
                    .entrySet()) {
                status.withArrayProperty("conditions")
                        .addObject()
                        .put("type", condition.getKey())
                        .put("status", "True")
                        .put("reason", condition.getValue())
                        .put("message", "")
                        .put("lastTransitionTime", now);
            }
        }
    }

    private static void setIfAbsent(ObjectNode object, String field, String value) {
        if (!object.has(field)) {
            object.put(field, value);
        }
    }

    /** @param old null for a creation */
    static List<ApiException.Cause> validate(ResourceType type, ObjectNode object, ObjectNode old) {
        List<ApiException.Cause> causes = new ArrayList<>();
        JsonNode metadata = object.path("metadata");
        String name = Json.text(metadata, "name");
        boolean free = type.group().equals("rbac.authorization.k8s.io");
        if (!free && (name.length() > 253 || !SUBDOMAIN.matcher(name).matches())) {
            invalid(
                    causes,
                    "metadata.name",
                    name,
                    "a lowercase RFC 1123 subdomain must consist of lower case"
                            + " alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character");
        }
        metadata.path("labels").properties().forEach(label -> {
            if (!QUALIFIED.matcher(label.getKey()).matches()) {
                invalid(
                        causes,
                        "metadata.labels",
                        label.getKey(),
                        "name part must be no more than 63 characters and"
                                + " consist of alphanumeric characters, '-', '_' or '.'");
            } else if (!LABEL_VALUE.matcher(label.getValue().asText()).matches()) {
                invalid(
                        causes,
                        "metadata.labels",
                        label.getValue().asText(),
                        "a valid label must be an empty string or"
                                + " at most 63 alphanumeric characters, '-', '_' or '.'");
            }
        });
        metadata.path("annotations").properties().forEach(annotation -> {
            if (!QUALIFIED.matcher(annotation.getKey()).matches()) {
                invalid(
                        causes,
                        "metadata.annotations",
                        annotation.getKey(),
                        "name part must consist of alphanumeric"
                                + " characters, '-', '_' or '.', and must start and end with an alphanumeric character");
            }
        });
        switch (type.groupResource()) {
            case "pods" -> validatePod(object, old, causes);
            case Resources.CRDS -> validateCrd(object, causes);
            default -> {}
        }
        return causes;
    }

    private static void validatePod(ObjectNode pod, ObjectNode old, List<ApiException.Cause> causes) {
        if (pod.path("spec").path("containers").isEmpty()) {
            causes.add(new ApiException.Cause("FieldValueRequired", "Required value", "spec.containers"));
        }
        if (old != null && !fixed(pod).equals(fixed(old))) {
            String message = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
                    + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations`"
                    + " (only additions to existing tolerations)";
            causes.add(new ApiException.Cause("FieldValueForbidden", message, "spec"));
        }
    }

    private static JsonNode fixed(ObjectNode pod) {
        ObjectNode spec = pod.path("spec").deepCopy();
        spec.remove(List.of("tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds"));
        for (String list : List.of("containers", "initContainers")) {
            spec.path(list).forEach(container -> ((ObjectNode) container).remove("image"));
        }
        return spec;
    }

    private static void validateCrd(ObjectNode crd, List<ApiException.Cause> causes) {
        JsonNode spec = crd.path("spec");
        String wanted = Json.text(spec, "names", "plural") + "." + Json.text(spec, "group");
        if (!Json.text(crd, "metadata", "name").equals(wanted)) {
            invalid(
                    causes,
                    "metadata.name",
                    Json.text(crd, "metadata", "name"),
                    "must be spec.names.plural+\".\"+spec.group");
        }
        for (JsonNode version : spec.path("versions")) {
            JsonNode schema = Json.at(version, "schema", "openAPIV3Schema");
            if (schema.isMissingNode()) {
                causes.add(new ApiException.Cause(
                        "FieldValueRequired",
                        "Required value: schemas are required",
                        "spec.versions[0].schema.openAPIV3Schema"));
            }
            for (JsonNode rules : schema.findValues("x-kubernetes-validations")) {
                for (JsonNode rule : rules) {
                    try {
                        Cel.check(Json.text(rule, "rule"));
                    } catch (CelValidationException e) {
                        invalid(
                                causes,
                                "spec.validation.openAPIV3Schema",
                                Json.text(rule, "rule"),
                                "compilation failed: " + e.getMessage());
                    }
                }
            }
        }
    }

    private static void invalid(List<ApiException.Cause> causes, String field, String value, String why) {
        String message = "Invalid value: \"" + value + "\": " + why;
        causes.add(new ApiException.Cause("FieldValueInvalid", message, field));
    }

    /** The answer to a review that is created and never stored; everybody may do everything here. */
    static ObjectNode answer(Call call, ObjectNode review) {
        ObjectNode answer = review.deepCopy();
        ObjectNode status = answer.putObject("status");
        switch (call.type().kind()) {
            case "SelfSubjectReview" -> {
                ObjectNode user =
                        status.putObject("userInfo").put("username", call.user().name());
                user.set("groups", Json.MAPPER.valueToTree(call.user().groups()));
                user.set("extra", Json.MAPPER.valueToTree(call.user().extra()));
            }
            case "SelfSubjectRulesReview" -> {
                status.put("incomplete", false);
                ObjectNode all = status.putArray("resourceRules").addObject();
                for (String field : List.of("verbs", "apiGroups", "resources")) {
                    all.putArray(field).add("*");
                }
                ObjectNode rest = status.putArray("nonResourceRules").addObject();
                rest.putArray("verbs").add("*");
                rest.putArray("nonResourceURLs").add("*");
            }
            default -> status.put("allowed", true);
        }
        return answer;
    }
}
