package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.fabric8.kubernetes.client.KubernetesClient;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What clients ask first: who am I, what is served, in which forms. */
class DiscoveryContractTest extends Contract {
    private static final String AGGREGATED =
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

    @BeforeAll
    static void defineFound() {
        define("Found", "{'type': 'object', 'x-kubernetes-preserve-unknown-fields': true}");
    }

    private static JsonNode named(JsonNode list, String field, String name) {
        for (JsonNode item : list) {
            if (Json.text(item, field).equals(name)) {
                return item;
            }
        }
        return MissingNode.getInstance();
    }

    @Test
    void healthAndVersionAreServed() {
        assertThat(get("/readyz").text("text")).isEqualTo("ok");
        assertThat(get("/healthz").code()).isEqualTo(200);
        assertThat(get("/version").text("gitVersion")).startsWith("v1.");
    }

    @Test
    void groupsAndResourcesAreListed() {
        assertThat(get("/api").text("kind")).isEqualTo("APIVersions");
        Answer groups = get("/apis");
        assertThat(groups.text("kind")).isEqualTo("APIGroupList");
        JsonNode ours = named(groups.body().path("groups"), "name", "contract.dev");
        assertThat(Json.text(ours, "preferredVersion", "groupVersion")).isEqualTo("contract.dev/v1");
        assertThat(get("/apis/contract.dev").text("name")).isEqualTo("contract.dev");
        Answer core = get("/api/v1");
        assertThat(core.body().path("resources").findValuesAsText("name"))
                .contains("pods", "pods/binding", "pods/eviction", "pods/status", "nodes", "nodes/status", "events");
        Answer own = get("/apis/contract.dev/v1");
        JsonNode found = named(own.body().path("resources"), "name", "founds");
        assertThat(Json.text(found, "kind")).isEqualTo("Found");
        assertThat(Json.text(found, "singularName")).isEqualTo("found");
        assertThat(found.path("namespaced").asBoolean()).isTrue();
        assertThat(found.path("shortNames").get(0).asText()).isEqualTo("sfounds");
        assertThat(found.path("categories").get(0).asText()).isEqualTo("contract");
        assertThat(found.path("verbs")).hasSize(8);
        assertThat(get("/apis/contract.dev/v2").code()).isEqualTo(404);
    }

    @Test
    void allIsListedAtOnceOnRequest() {
        Answer document = send("GET", "/apis", null, null, "Accept", AGGREGATED);
        assertThat(document.text("kind")).isEqualTo("APIGroupDiscoveryList");
        assertThat(document.http().headers().firstValue("Content-Type").orElse(""))
                .contains("as=APIGroupDiscoveryList");
        eventually(() -> {
            Answer now = send("GET", "/apis", null, null, "Accept", AGGREGATED);
            for (JsonNode group : now.body().path("items")) {
                if (Json.text(group, "metadata", "name").equals("contract.dev")) {
                    JsonNode found = named(group.path("versions").get(0).path("resources"), "resource", "founds");
                    return Json.text(found, "scope").equals("Namespaced")
                            && Json.text(found, "responseKind", "kind").equals("Found")
                            && Json.text(found.path("subresources").get(0), "subresource")
                                    .equals("status");
                }
            }
            return false;
        });
        Answer core = send("GET", "/api", null, null, "Accept", AGGREGATED);
        assertThat(named(
                                core.body()
                                        .path("items")
                                        .get(0)
                                        .path("versions")
                                        .get(0)
                                        .path("resources"),
                                "resource",
                                "pods")
                        .isObject())
                .isTrue();
    }

    @Test
    void openApiSaysThatTheServerValidates() {
        String path = openApi("/openapi/v3", "paths", "apis/apps/v1", "serverRelativeURL")
                .asText();
        JsonNode patch = openApi(path, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch");
        assertThat(Json.text(patch, "x-kubernetes-group-version-kind", "kind")).isEqualTo("Deployment");
        assertThat(patch.path("parameters").findValuesAsText("name")).contains("fieldValidation", "dryRun");
    }

    private static JsonNode openApi(String path, String... place) {
        return Json.at(
                send("GET", path, null, null, "Accept", "application/json").body(), place);
    }

    @Test
    void usersAreKnownByTheirTokens() {
        User user = User.serviceAccount("vmabi-system", "agent").onNode("n1");
        String review = "{\"apiVersion\": \"authentication.k8s.io/v1\", \"kind\": \"SelfSubjectReview\"}";
        Answer answer = send(request("/apis/authentication.k8s.io/v1/selfsubjectreviews", user)
                .header("Content-Type", "application/json")
                .POST(java.net.http.HttpRequest.BodyPublishers.ofString(review))
                .build());
        assertThat(answer.code()).isEqualTo(201);
        assertThat(answer.text("status", "userInfo", "username")).isEqualTo("system:serviceaccount:vmabi-system:agent");
        assertThat(Json.at(answer.body(), "status", "userInfo", "groups").toString())
                .contains("system:serviceaccounts:vmabi-system", "system:authenticated");
        assertThat(Json.at(answer.body(), "status", "userInfo", "extra", "authentication.kubernetes.io/node-name")
                        .get(0)
                        .asText())
                .isEqualTo("n1");
    }

    @Test
    void anUnknownTokenIsUnauthorized() {
        Answer answer = send(java.net.http.HttpRequest.newBuilder(server().url().resolve("/api/v1/nodes"))
                .header("Authorization", "Bearer wrong")
                .build());
        assertThat(answer.code()).isEqualTo(401);
        assertThat(answer.text("reason")).isEqualTo("Unauthorized");
    }

    @Test
    void everybodyMayDoEverything() {
        Answer rules = post(
                "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                json(
                        "{'apiVersion':"
                                + " 'authorization.k8s.io/v1', 'kind': 'SelfSubjectRulesReview', 'spec': {'namespace': 'default'}}"));
        assertThat(rules.code()).isEqualTo(201);
        assertThat(rules.body()
                        .path("status")
                        .path("resourceRules")
                        .get(0)
                        .path("verbs")
                        .get(0)
                        .asText())
                .isEqualTo("*");
        Answer access = post(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                json("{'apiVersion':"
                        + " 'authorization.k8s.io/v1', 'kind': 'SelfSubjectAccessReview',"
                        + " 'spec': {'resourceAttributes': {'verb': 'get', 'resource': 'nodes'}}}"));
        assertThat(access.body().path("status").path("allowed").asBoolean()).isTrue();
    }

    @Test
    void tokensAreIssuedForServiceAccounts() {
        String accounts = "/api/v1/namespaces/" + namespace + "/serviceaccounts";
        post(accounts, object("v1", "ServiceAccount", "robot"));
        Answer issued = post(
                accounts + "/robot/token",
                json("{'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {}}"));
        assertThat(issued.code()).isEqualTo(201);
        assertThat(issued.text("status", "token")).isNotEmpty();
        assertThat(issued.text("status", "expirationTimestamp")).isNotEmpty();
    }

    @Test
    void fabric8ReadsStatusesAndDiscovers() {
        try (KubernetesClient client = server().client()) {
            assertThat(client.hasApiGroup("contract.dev", true)).isTrue();
            assertThat(client.namespaces().withName(namespace).get().getStatus().getPhase())
                    .isEqualTo("Active");
            assertThat(client.nodes().withName("nobody").get()).isNull();
            assertThat(client.getKubernetesVersion().getMajor()).isEqualTo("1");
        }
    }
}
