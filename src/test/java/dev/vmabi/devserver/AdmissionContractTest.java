package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Admission webhooks over HTTPS: when they are called, what they are told, what their answers do. */
class AdmissionContractTest extends Contract {
    private static final String CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/";
    private static final CertificateAuthority AUTHORITY = new CertificateAuthority("webhooks");
    private static final Map<String, Function<JsonNode, ObjectNode>> ANSWERS = new ConcurrentHashMap<>();
    private static final Map<String, List<JsonNode>> REQUESTS = new ConcurrentHashMap<>();
    private static HttpsServer webhooks;
    private final List<String> configured = new ArrayList<>();

    @BeforeAll
    static void startWebhooks() throws IOException {
        webhooks = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        webhooks.setHttpsConfigurator(new HttpsConfigurator(AUTHORITY
                .issue("webhooks", List.of(), List.of("127.0.0.1", "gate." + namespace + ".svc"))
                .serverContext()));
        webhooks.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        webhooks.createContext("/", AdmissionContractTest::review);
        webhooks.start();
        patch("/api/v1/namespaces/" + namespace, "merge-patch+json", "{'metadata': {'labels': {'gate': 'on'}}}");
    }

    @AfterAll
    static void stopWebhooks() {
        webhooks.stop(0);
    }

    @AfterEach
    void removeConfigurations() {
        configured.forEach(Contract::delete);
    }

    private static void review(HttpExchange exchange) throws IOException {
        JsonNode review = Json.parse(exchange.getRequestBody().readAllBytes(), "application/json");
        String hook = exchange.getRequestURI().getPath().substring(1);
        JsonNode request = review.path("request");
        REQUESTS.computeIfAbsent(hook, h -> new CopyOnWriteArrayList<>()).add(request);
        ObjectNode response = ANSWERS.get(hook).apply(request);
        response.set("uid", request.path("uid"));
        ObjectNode answer = Json.object().put("kind", "AdmissionReview").put("apiVersion", "admission.k8s.io/v1");
        answer.set("response", response);
        byte[] body = Json.bytes(answer);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static String url(String hook) {
        return "'url': 'https://127.0.0.1:" + webhooks.getAddress().getPort() + "/" + hook + "'";
    }

    /** Configures one webhook for this class's namespace and waits until the server calls it. */
    private String configure(
            String kind, String client, String resource, String more, Function<JsonNode, ObjectNode> answer) {
        String hook = unique("hook");
        ANSWERS.put(hook, request -> isProbe(request) ? allow() : answer.apply(request));
        String plural = kind.toLowerCase(java.util.Locale.ROOT) + "webhookconfigurations";
        String bundle =
                Base64.getEncoder().encodeToString(AUTHORITY.certificatePem().getBytes(StandardCharsets.UTF_8));
        ObjectNode configuration =
                json("""
                {'apiVersion': 'admissionregistration.k8s.io/v1', 'kind': '%sWebhookConfiguration',
                 'metadata': {'name': '%s'}, 'webhooks': [{'name': '%s.contract.dev', 'sideEffects': 'None',
                  'admissionReviewVersions': ['v1'], 'clientConfig': {%s, 'caBundle': '%s'},
                  'rules': [{'operations': ['*'], 'apiGroups': [''], 'apiVersions': ['v1'], 'resources': [%s]}],
                  'namespaceSelector': {'matchLabels': {'kubernetes.io/metadata.name': '%s'}}%s}]}
                """, kind, hook, hook, client.replace("HOOK", hook), bundle, resource, namespace, more);
        Answer created = post(CONFIGURATIONS + plural, configuration);
        assertThat(created.code()).as(created.body().toString()).isEqualTo(201);
        configured.add(CONFIGURATIONS + plural + "/" + hook);
        return hook;
    }

    private static boolean isProbe(JsonNode request) {
        return Json.text(request, "name").startsWith("probe-");
    }

    /** The real server learns of a configuration in its own time. */
    private static void awaitCalled(String hook) {
        eventually(() -> {
            post(configMaps() + "?dryRun=All", labelled(unique("probe")));
            return REQUESTS.containsKey(hook);
        });
    }

    private static ObjectNode labelled(String name) {
        ObjectNode map = object("v1", "ConfigMap", name);
        map.withObjectProperty("metadata").putObject("labels").put("gate", "yes");
        return map;
    }

    private static ObjectNode allow() {
        return Json.object().put("allowed", true);
    }

    private static ObjectNode patched(String patch) {
        String encoded =
                Base64.getEncoder().encodeToString(patch.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
        return allow().put("patchType", "JSONPatch").put("patch", encoded);
    }

    private static ObjectNode deny(int code, String message) {
        ObjectNode denied = Json.object().put("allowed", false);
        denied.putObject("status").put("code", code).put("message", message);
        return denied;
    }

    private static List<JsonNode> about(String hook, String name) {
        return REQUESTS.getOrDefault(hook, List.of()).stream()
                .filter(request -> Json.text(request, "name").equals(name))
                .toList();
    }

    @Test
    void aDenialReachesTheClient() {
        String hook = configure("Validating", url("HOOK"), "'configmaps'", "", request -> deny(403, "not today"));
        awaitCalled(hook);
        Answer denied = post(configMaps(), labelled("denied"));
        assertThat(denied.code()).isEqualTo(403);
        assertThat(denied.text("message"))
                .isEqualTo("admission webhook \"" + hook + ".contract.dev\" denied the request: not today");
        assertThat(get(configMaps() + "/denied").code()).isEqualTo(404);
    }

    @Test
    void aDenialKeepsItsCode() {
        String hook = configure("Validating", url("HOOK"), "'configmaps'", "", request -> deny(409, "later"));
        awaitCalled(hook);
        assertThat(post(configMaps(), labelled("later")).code()).isEqualTo(409);
    }

    @Test
    void aPatchIsApplied() {
        String hook = configure(
                "Mutating",
                url("HOOK"),
                "'configmaps'",
                "",
                request -> patched("[{'op': 'add', 'path': '/data', 'value': {'added': 'yes'}},"
                        + " {'op': 'add', 'path': '/metadata/labels/contract.dev~1x', 'value': 'y'}]"));
        awaitCalled(hook);
        Answer created = post(configMaps(), labelled("patched"));
        assertThat(created.text("data", "added")).isEqualTo("yes");
        assertThat(created.text("metadata", "labels", "contract.dev/x")).isEqualTo("y");
    }

    @Test
    void theReviewSaysWhoDoesWhatToWhat() {
        String hook = configure("Validating", url("HOOK"), "'configmaps'", "", request -> allow());
        awaitCalled(hook);
        post(configMaps(), labelled("told"));
        patch(configMaps() + "/told", "merge-patch+json", "{'data': {'a': 'b'}}");
        delete(configMaps() + "/told");
        List<JsonNode> told = about(hook, "told");
        assertThat(told).extracting(r -> Json.text(r, "operation")).containsExactly("CREATE", "UPDATE", "DELETE");
        JsonNode create = told.getFirst();
        assertThat(create.path("kind")).isEqualTo(json("{'group': '', 'version': 'v1', 'kind': 'ConfigMap'}"));
        assertThat(create.path("resource")).isEqualTo(json("{'group': '', 'version': 'v1', 'resource': 'configmaps'}"));
        assertThat(Json.text(create, "namespace")).isEqualTo(namespace);
        assertThat(Json.text(create, "userInfo", "username")).isEqualTo("admin");
        assertThat(Json.at(create, "userInfo", "groups").toString()).contains("system:masters");
        assertThat(Json.text(create, "object", "metadata", "name")).isEqualTo("told");
        assertThat(create.path("oldObject").isNull()).isTrue();
        assertThat(create.path("dryRun").asBoolean()).isFalse();
        assertThat(Json.text(create, "options", "kind")).isEqualTo("CreateOptions");
        JsonNode update = told.get(1);
        assertThat(Json.text(update, "object", "data", "a")).isEqualTo("b");
        assertThat(update.path("oldObject").has("data")).isFalse();
        JsonNode deletion = told.get(2);
        assertThat(deletion.path("object").isNull()).isTrue();
        assertThat(Json.text(deletion, "oldObject", "metadata", "name")).isEqualTo("told");
    }

    @Test
    void extraOfTheUserIsTold() {
        String hook = configure("Validating", url("HOOK"), "'configmaps'", "", request -> allow());
        awaitCalled(hook);
        User agent = User.serviceAccount("vmabi-system", "agent").onNode("node-7");
        send(request(configMaps(), agent)
                .header("Content-Type", "application/json")
                .POST(java.net.http.HttpRequest.BodyPublishers.ofString(
                        labelled("extra").toString()))
                .build());
        JsonNode user = about(hook, "extra").getFirst().path("userInfo");
        assertThat(Json.text(user, "username")).isEqualTo("system:serviceaccount:vmabi-system:agent");
        assertThat(Json.at(user, "extra", "authentication.kubernetes.io/node-name")
                        .get(0)
                        .asText())
                .isEqualTo("node-7");
    }

    @Test
    void selectorsAndConditionsKeepAWebhookOut() {
        String more =
                ", 'objectSelector': {'matchExpressions': [{'key': 'gate', 'operator': 'In', 'values': ['yes']}]},"
                        + " 'matchConditions': [{'name': 'c', 'expression': 'object.metadata.name != \\\"exempt\\\"'}]";
        String hook = configure("Validating", url("HOOK"), "'configmaps'", more, request -> deny(403, "no"));
        awaitCalled(hook);
        assertThat(post(configMaps(), labelled("caught")).code()).isEqualTo(403);
        assertThat(post(configMaps(), object("v1", "ConfigMap", "unlabelled")).code())
                .isEqualTo(201);
        assertThat(post(configMaps(), labelled("exempt")).code()).isEqualTo(201);
        assertThat(post("/api/v1/namespaces/default/configmaps", labelled(unique("elsewhere")))
                        .code())
                .isEqualTo(201);
        assertThat(post("/api/v1/namespaces/" + namespace + "/secrets", object("v1", "Secret", "s"))
                        .code())
                .isEqualTo(201);
    }

    @Test
    void aWebhookThatCannotBeReachedFailsOrIsIgnored() {
        String nowhere = "'url': 'https://127.0.0.1:1/'";
        String guard = configure("Validating", url("HOOK"), "'configmaps'", "", request -> allow());
        configure(
                "Validating",
                nowhere,
                "'configmaps'",
                ", 'failurePolicy': 'Ignore', 'objectSelector': {'matchLabels': {'gate': 'yes'}}",
                request -> allow());
        awaitCalled(guard);
        assertThat(post(configMaps(), labelled("ignored")).code()).isEqualTo(201);
        configure(
                "Validating",
                nowhere,
                "'configmaps'",
                ", 'failurePolicy': 'Fail', 'objectSelector': {'matchLabels': {'gate': 'fail'}}",
                request -> allow());
        eventually(() -> {
            ObjectNode map = object("v1", "ConfigMap", unique("failed"));
            map.withObjectProperty("metadata").putObject("labels").put("gate", "fail");
            Answer failed = post(configMaps(), map);
            return failed.code() == 500 && failed.text("message").contains("failed calling webhook");
        });
    }

    @Test
    void aSlowWebhookTimesOut() {
        String hook = configure("Validating", url("HOOK"), "'configmaps'", ", 'timeoutSeconds': 1", request -> {
            try {
                Thread.sleep(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return allow();
        });
        awaitCalled(hook);
        long start = System.nanoTime();
        assertThat(post(configMaps(), labelled("slow")).code()).isEqualTo(500);
        assertThat(System.nanoTime() - start).isBetween(900_000_000L, 4_500_000_000L);
    }

    @Test
    void aCertificateOfAnotherAuthorityIsNotTrusted() {
        String hook = unique("hook");
        ObjectNode configuration = json(
                """
                {'apiVersion': 'admissionregistration.k8s.io/v1', 'kind': 'ValidatingWebhookConfiguration',
                 'metadata': {'name': '%s'}, 'webhooks': [{'name': '%s.contract.dev', 'sideEffects': 'None',
                  'admissionReviewVersions': ['v1'], 'clientConfig': {%s, 'caBundle': '%s'},
                  'rules': [{'operations': ['CREATE'], 'apiGroups': [''], 'apiVersions': ['v1'], 'resources': ['configmaps']}],
                  'objectSelector': {'matchLabels': {'gate': 'untrusted'}}}]}
                """,
                hook,
                hook,
                url(hook),
                Base64.getEncoder()
                        .encodeToString(new CertificateAuthority("other")
                                .certificatePem()
                                .getBytes(StandardCharsets.UTF_8)));
        post(CONFIGURATIONS + "validatingwebhookconfigurations", configuration);
        configured.add(CONFIGURATIONS + "validatingwebhookconfigurations/" + hook);
        eventually(() -> {
            ObjectNode map = object("v1", "ConfigMap", unique("untrusted"));
            map.withObjectProperty("metadata").putObject("labels").put("gate", "untrusted");
            return post(configMaps(), map).code() == 500;
        });
        assertThat(REQUESTS).doesNotContainKey(hook);
    }

    @Test
    void warningsReachTheClient() {
        String hook = configure("Validating", url("HOOK"), "'configmaps'", "", request -> {
            ObjectNode answer = allow();
            answer.putArray("warnings").add("mind the gap");
            return answer;
        });
        awaitCalled(hook);
        Answer created = post(configMaps(), labelled("warned"));
        assertThat(created.http().headers().firstValue("Warning").orElse("")).isEqualTo("299 - \"mind the gap\"");
    }

    @Test
    void aMutatorIsAskedAgainAfterALaterOneChangedSomething() {
        Function<JsonNode, ObjectNode> count = request -> {
            int seen = Json.at(request, "object", "data", "count").asInt();
            return patched("[{'op': 'add', 'path': '/data', 'value': {'count': '" + (seen + 1) + "'}}]");
        };
        String first = configure("Mutating", url("HOOK"), "'configmaps'", ", 'reinvocationPolicy': 'IfNeeded'", count);
        String second = configure("Mutating", url("HOOK"), "'configmaps'", "", count);
        awaitCalled(first);
        awaitCalled(second);
        assertThat(post(configMaps(), labelled("again")).text("data", "count")).isEqualTo("3");
    }

    @Test
    void bindingsAndEvictionsAreReviewedAsSubresources() {
        String hook = configure(
                "Validating",
                url("HOOK"),
                "'pods/binding', 'pods/eviction', 'configmaps'",
                "",
                request -> Json.text(request, "subResource").isEmpty() ? allow() : deny(403, "stay"));
        awaitCalled(hook);
        String pods = "/api/v1/namespaces/" + namespace + "/pods";
        post(
                pods,
                json("{'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'p'},"
                        + " 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}"));
        Answer binding = post(
                pods + "/p/binding",
                json("{'apiVersion': 'v1', 'kind': 'Binding',"
                        + " 'metadata': {'name': 'p'}, 'target': {'kind': 'Node', 'name': 'n'}}"));
        assertThat(binding.code()).isEqualTo(403);
        assertThat(post(
                                pods + "/p/eviction",
                                json("{'apiVersion': 'policy/v1', 'kind': 'Eviction', 'metadata': {'name': 'p'}}"))
                        .code())
                .isEqualTo(403);
        assertThat(about(hook, "p"))
                .extracting(r -> Json.text(r, "kind", "kind"))
                .containsExactly("Binding", "Eviction");
        assertThat(Json.text(get(pods + "/p").body(), "spec", "nodeName")).isEmpty();
    }

    @Test
    void aServiceIsReachedUnderItsExternalName() {
        ObjectNode service = object("v1", "Service", "gate");
        service.putObject("spec").put("type", "ExternalName").put("externalName", "127.0.0.1");
        assertThat(post("/api/v1/namespaces/" + namespace + "/services", service)
                        .code())
                .isEqualTo(201);
        String client = "'service': {'name': 'gate', 'namespace': '%s', 'path': '/HOOK', 'port': %d}"
                .formatted(namespace, webhooks.getAddress().getPort());
        String hook = configure("Validating", client, "'configmaps'", "", request -> deny(403, "by service"));
        awaitCalled(hook);
        assertThat(post(configMaps(), labelled("served")).text("message")).contains("by service");
    }

    @Test
    void defaultsOfAConfigurationAreFilledIn() {
        String hook = configure("Mutating", url("HOOK"), "'configmaps'", "", request -> allow());
        JsonNode webhook = get(CONFIGURATIONS + "mutatingwebhookconfigurations/" + hook)
                .body()
                .path("webhooks")
                .get(0);
        assertThat(Json.text(webhook, "failurePolicy")).isEqualTo("Fail");
        assertThat(webhook.path("timeoutSeconds").asInt()).isEqualTo(10);
        assertThat(Json.text(webhook, "reinvocationPolicy")).isEqualTo("Never");
        assertThat(((ArrayNode) webhook.path("rules")).get(0).path("scope").asText())
                .isEqualTo("*");
    }
}
