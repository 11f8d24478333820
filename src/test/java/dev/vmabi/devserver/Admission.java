package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cel.runtime.CelEvaluationException;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** Calls the webhooks of Mutating- and ValidatingWebhookConfigurations, as {@code admissionregistration.k8s.io/v1}. */
final class Admission implements AutoCloseable {
    private static final String GROUP = "admissionregistration.k8s.io";

    /**
     * What is about to happen.
     *
     * @param operation CREATE, UPDATE or DELETE
     * @param object null for DELETE
     * @param old null for CREATE
     */
    record Attempt(Call call, String operation, ObjectNode object, ObjectNode old) {
        private Attempt with(ObjectNode changed) {
            return new Attempt(call, operation, changed, old);
        }
    }

    private record Hook(JsonNode spec, String name) {}

    private final Store store;
    private final Map<String, WebhookClient> clients = new ConcurrentHashMap<>();

    Admission(Store store) {
        this.store = store;
    }

    /** Asks the mutating webhooks in order of configuration; those that want it once more if a later one changed something. */
    ObjectNode mutate(Attempt attempt, Consumer<String> warnings) {
        List<Hook> hooks = hooks("mutatingwebhookconfigurations");
        ObjectNode object = attempt.object();
        List<ObjectNode> leftBy = new ArrayList<>();
        for (Hook hook : hooks) {
            object = ask(hook, attempt.with(object), warnings);
            leftBy.add(object);
        }
        for (int i = 0; i < hooks.size(); i++) {
            Hook hook = hooks.get(i);
            boolean again = Json.text(hook.spec(), "reinvocationPolicy").equals("IfNeeded");
            if (again && object != null && !object.equals(leftBy.get(i))) {
                object = ask(hook, attempt.with(object), warnings);
            }
        }
        return object;
    }

    void validate(Attempt attempt, Consumer<String> warnings) {
        for (Hook hook : hooks("validatingwebhookconfigurations")) {
            ObjectNode _ = ask(hook, attempt, warnings);
        }
    }

    @Override
    public void close() {
        clients.values().forEach(client -> client.http().shutdownNow());
    }

    private List<Hook> hooks(String plural) {
        List<Hook> hooks = new ArrayList<>();
        for (ObjectNode configuration : store.list(plural + "." + GROUP, "", 0).objects()) {
            configuration.path("webhooks").forEach(hook -> hooks.add(new Hook(hook, Json.text(hook, "name"))));
        }
        return hooks;
    }

    /** @return the object as the webhook leaves it */
    private ObjectNode ask(Hook hook, Attempt attempt, Consumer<String> warnings) {
        Call call = attempt.call();
        if (call.type().group().equals(GROUP) || !applies(hook.spec(), attempt)) {
            return attempt.object();
        }
        ObjectNode review = review(attempt);
        JsonNode response;
        try {
            if (!conditionsHold(hook.spec(), attempt, review.path("request"))) {
                return attempt.object();
            }
            response = send(hook, review).path("response");
        } catch (IOException | CelEvaluationException e) {
            if (Json.text(hook.spec(), "failurePolicy").equals("Ignore")) {
                return attempt.object();
            }
            throw new ApiException(
                    500,
                    "InternalError",
                    "Internal error occurred: failed calling webhook \"" + hook.name() + "\": " + e.getMessage());
        }
        response.path("warnings").forEach(warning -> warnings.accept(warning.asText()));
        if (!response.path("allowed").asBoolean()) {
            throw denied(hook, call, response.path("status"));
        }
        if (attempt.object() == null || !response.has("patch")) {
            return attempt.object();
        }
        byte[] patch = Base64.getDecoder().decode(response.get("patch").asText());
        return (ObjectNode) Patches.json(attempt.object(), Json.parse(patch, "application/json"));
    }

    private static ApiException denied(Hook hook, Call call, JsonNode status) {
        int code = status.path("code").asInt();
        String why = status.has("message") ? ": " + Json.text(status, "message") : " without explanation";
        String reason = status.path("reason").asText(code == 0 || code == 403 ? "Forbidden" : "");
        String message = "admission webhook \"" + hook.name() + "\" denied the request" + why;
        return new ApiException(code < 400 ? 403 : code, reason, message).about(call.type(), call.name());
    }

    private boolean applies(JsonNode hook, Attempt attempt) {
        Call call = attempt.call();
        boolean ruled = false;
        for (JsonNode rule : hook.path("rules")) {
            String scope = rule.path("scope").asText("*");
            ruled |= lists(rule.path("operations"), attempt.operation())
                    && lists(rule.path("apiGroups"), call.type().group())
                    && lists(rule.path("apiVersions"), call.type().version())
                    && (scope.equals("*") || scope.equals(call.type().namespaced() ? "Namespaced" : "Cluster"))
                    && resource(rule.path("resources"), call);
        }
        return ruled && namespaceSelected(hook.path("namespaceSelector"), attempt) && objectSelected(hook, attempt);
    }

    private static boolean lists(JsonNode list, String wanted) {
        for (JsonNode item : list) {
            if (item.asText().equals("*") || item.asText().equals(wanted)) {
                return true;
            }
        }
        return false;
    }

    private static boolean resource(JsonNode resources, Call call) {
        String plural = call.type().plural();
        for (JsonNode resource : resources) {
            String[] wanted = (resource.asText() + "/").split("/", -1);
            boolean main = wanted[0].equals("*") || wanted[0].equals(plural);
            if (main && (wanted[1].equals(call.subresource()) || wanted[1].equals("*"))) {
                return true;
            }
        }
        return false;
    }

    private boolean namespaceSelected(JsonNode selector, Attempt attempt) {
        Call call = attempt.call();
        JsonNode namespace = null;
        if (call.type().is("", "namespaces")) {
            namespace = attempt.object() == null ? attempt.old() : attempt.object();
        } else if (call.type().namespaced()) {
            namespace = store.get(new Store.Key("namespaces", "", call.namespace()));
        }
        return selector.isEmpty()
                || namespace == null
                || Selectors.matches(selector, Json.at(namespace, "metadata", "labels"));
    }

    private static boolean objectSelected(JsonNode hook, Attempt attempt) {
        JsonNode selector = hook.path("objectSelector");
        return selector.isEmpty()
                || (attempt.object() != null
                        && Selectors.matches(selector, Json.at(attempt.object(), "metadata", "labels")))
                || (attempt.old() != null && Selectors.matches(selector, Json.at(attempt.old(), "metadata", "labels")));
    }

    private static boolean conditionsHold(JsonNode hook, Attempt attempt, JsonNode request)
            throws CelEvaluationException {
        JsonNode none = Json.MAPPER.nullNode();
        Map<String, JsonNode> variables = Map.of(
                "object", attempt.object() == null ? none : attempt.object(),
                "oldObject", attempt.old() == null ? none : attempt.old(),
                "request", request);
        for (JsonNode condition : hook.path("matchConditions")) {
            if (!Boolean.TRUE.equals(Cel.evaluate(Json.text(condition, "expression"), variables))) {
                return false;
            }
        }
        return true;
    }

    private static ObjectNode review(Attempt attempt) {
        Call call = attempt.call();
        ResourceType type = call.type();
        ObjectNode review = Json.object().put("kind", "AdmissionReview").put("apiVersion", "admission.k8s.io/v1");
        ObjectNode request =
                review.putObject("request").put("uid", UUID.randomUUID().toString());
        String kind = call.subresource().equals("binding")
                ? "Binding"
                : call.subresource().equals("eviction") ? "Eviction" : type.kind();
        for (String field : List.of("kind", "requestKind")) {
            boolean eviction = kind.equals("Eviction");
            request.putObject(field)
                    .put("group", eviction ? "policy" : type.group())
                    .put("version", type.version())
                    .put("kind", kind);
        }
        for (String field : List.of("resource", "requestResource")) {
            request.putObject(field)
                    .put("group", type.group())
                    .put("version", type.version())
                    .put("resource", type.plural());
        }
        if (!call.subresource().isEmpty()) {
            request.put("subResource", call.subresource()).put("requestSubResource", call.subresource());
        }
        request.put("name", call.name()).put("operation", attempt.operation()).put("dryRun", call.dryRun());
        if (type.namespaced()) {
            request.put("namespace", call.namespace());
        } else if (type.is("", "namespaces")) {
            request.put("namespace", call.name());
        }
        ObjectNode user =
                request.putObject("userInfo").put("username", call.user().name());
        user.set("groups", Json.MAPPER.valueToTree(call.user().groups()));
        user.set("extra", Json.MAPPER.valueToTree(call.user().extra()));
        request.set("object", attempt.object());
        request.set("oldObject", attempt.old());
        request.putObject("options").put("apiVersion", "meta.k8s.io/v1").put("kind", optionsKind(attempt.operation()));
        return review;
    }

    private static String optionsKind(String operation) {
        return operation.charAt(0) + operation.substring(1).toLowerCase(java.util.Locale.ROOT) + "Options";
    }

    private WebhookClient client(JsonNode config) throws IOException {
        try {
            return clients.computeIfAbsent(config.toString(), c -> WebhookClient.of(config));
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private JsonNode send(Hook hook, ObjectNode review) throws IOException {
        JsonNode config = hook.spec().path("clientConfig");
        Duration timeout = Duration.ofSeconds(hook.spec().path("timeoutSeconds").asInt(10));
        WebhookClient client = client(config);
        String query = "timeout=" + URLEncoder.encode(timeout.toSeconds() + "s", StandardCharsets.UTF_8);
        URI target = client.target(store);
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create(target + (target.getQuery() == null ? "?" : "&") + query))
                .header("Content-Type", "application/json")
                .timeout(timeout)
                .POST(HttpRequest.BodyPublishers.ofByteArray(Json.bytes(review)))
                .build();
        try {
            HttpResponse<byte[]> answer = client.http().send(request, HttpResponse.BodyHandlers.ofByteArray());
            if (answer.statusCode() != 200) {
                throw new IOException("the server answered " + answer.statusCode());
            }
            JsonNode body = Json.parse(answer.body(), "application/json");
            if (!Json.at(body, "response", "uid").equals(Json.at(review, "request", "uid"))) {
                throw new IOException("received invalid webhook response: expected response.uid of the request");
            }
            return body;
        } catch (IOException e) {
            throw new IOException("failed to call webhook: Post \"" + request.uri() + "\": " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Where a webhook is, and a client that trusts its {@code caBundle} alone. */
    private record WebhookClient(HttpClient http, JsonNode config) {

        private static WebhookClient of(JsonNode config) {
            JsonNode service = config.path("service");
            String name = Json.text(service, "name") + "." + Json.text(service, "namespace") + ".svc";
            byte[] bundle = Base64.getDecoder().decode(Json.text(config, "caBundle"));
            HttpClient http = HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .sslContext(WebhookTrust.context(bundle, config.has("service") ? name : null))
                    .build();
            return new WebhookClient(http, config);
        }

        /** A service is reached where its {@code externalName} points: there is no cluster network here. */
        private URI target(Store store) throws IOException {
            if (config.has("url")) {
                return URI.create(Json.text(config, "url"));
            }
            JsonNode service = config.path("service");
            String name = Json.text(service, "name");
            String namespace = Json.text(service, "namespace");
            ObjectNode found = store.get(new Store.Key("services", namespace, name));
            if (found == null) {
                throw new IOException("service \"" + name + "\" not found");
            }
            String host = Json.text(found, "spec", "externalName");
            if (host.isEmpty()) {
                throw new IOException("no endpoints available for service \"" + name + "\"");
            }
            int port = service.path("port").asInt(443);
            return URI.create(
                    "https://" + host + ":" + port + service.path("path").asText("/"));
        }
    }
}
