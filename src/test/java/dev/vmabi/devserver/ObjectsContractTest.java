package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Create, read, update, delete: codes, versions, generations, status, finalizers. */
class ObjectsContractTest extends Contract {
    private static String widgets;

    @BeforeAll
    static void defineWidgets() {
        widgets = define("Widget", """
                {'type': 'object', 'properties': {
                  'spec': {'type': 'object', 'properties': {'size': {'type': 'integer'}}},
                  'status': {'type': 'object', 'properties': {'phase': {'type': 'string'}}}}}
                """);
    }

    private static ObjectNode widget(String name, int size) {
        ObjectNode widget = object("contract.dev/v1", "Widget", name);
        widget.putObject("spec").put("size", size);
        return widget;
    }

    private static ObjectNode configMap(String name) {
        ObjectNode map = object("v1", "ConfigMap", name);
        map.putObject("data").put("a", "1");
        return map;
    }

    private static ObjectNode pod(String name) {
        return json("""
                {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': '%s', 'labels': {'app': '%s'}},
                 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
                """, name, name);
    }

    private static String pods() {
        return "/api/v1/namespaces/" + namespace + "/pods";
    }

    @Test
    void aNewObjectGetsUidVersionTimestampAndNamespace() {
        Answer created = post(configMaps(), configMap("fresh"));
        assertThat(created.code()).isEqualTo(201);
        assertThat(created.text("metadata", "uid")).hasSize(36);
        assertThat(created.text("metadata", "resourceVersion")).matches("[0-9]+");
        assertThat(created.text("metadata", "creationTimestamp")).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ");
        assertThat(created.text("metadata", "namespace")).isEqualTo(namespace);
        assertThat(get(configMaps() + "/fresh").body()).isEqualTo(created.body());
    }

    @Test
    void aNameIsTakenOnlyOnce() {
        post(configMaps(), configMap("twice"));
        Answer second = post(configMaps(), configMap("twice"));
        assertThat(second.code()).isEqualTo(409);
        assertThat(second.text("reason")).isEqualTo("AlreadyExists");
        assertThat(second.text("message")).isEqualTo("configmaps \"twice\" already exists");
    }

    @Test
    void generateNameAddsFiveCharacters() {
        ObjectNode map = configMap("x");
        ((ObjectNode) map.path("metadata")).remove("name");
        ((ObjectNode) map.path("metadata")).put("generateName", "made-");
        Answer created = post(configMaps(), map);
        assertThat(created.text("metadata", "name")).matches("made-[a-z0-9]{5}");
    }

    @Test
    void whatIsNotThereIsNotFound() {
        Answer missing = get(configMaps() + "/missing");
        assertThat(missing.code()).isEqualTo(404);
        assertThat(missing.text("reason")).isEqualTo("NotFound");
        assertThat(missing.text("message")).isEqualTo("configmaps \"missing\" not found");
        assertThat(missing.text("details", "kind")).isEqualTo("configmaps");
        assertThat(get("/apis/nobody.dev/v1/things").code()).isEqualTo(404);
        assertThat(delete(configMaps() + "/missing").code()).isEqualTo(404);
        assertThat(post("/api/v1/namespaces/no-such-namespace/configmaps", configMap("a"))
                        .code())
                .isEqualTo(404);
    }

    @Test
    void namesAndLabelsAreChecked() {
        assertThat(post(configMaps(), configMap("Upper_Case")).code()).isEqualTo(422);
        ObjectNode badKey = configMap("bad-key");
        ((ObjectNode) badKey.path("metadata")).putObject("labels").put("a/b/c", "x");
        assertThat(post(configMaps(), badKey).code()).isEqualTo(422);
        ObjectNode longValue = configMap("long-value");
        ((ObjectNode) longValue.path("metadata")).putObject("labels").put("a", "x".repeat(64));
        Answer refused = post(configMaps(), longValue);
        assertThat(refused.code()).isEqualTo(422);
        assertThat(refused.text("reason")).isEqualTo("Invalid");
    }

    @Test
    void aStaleUpdateIsAConflict() {
        ObjectNode first = (ObjectNode) post(configMaps(), configMap("stale")).body();
        ObjectNode changed = first.deepCopy();
        changed.withObjectProperty("data").put("a", "2");
        assertThat(put(configMaps() + "/stale", changed).code()).isEqualTo(200);
        first.withObjectProperty("data").put("a", "3");
        Answer conflict = put(configMaps() + "/stale", first);
        assertThat(conflict.code()).isEqualTo(409);
        assertThat(conflict.text("reason")).isEqualTo("Conflict");
        assertThat(conflict.text("message"))
                .startsWith("Operation cannot be fulfilled on configmaps \"stale\": the object has been modified");
    }

    @Test
    void anUpdateThatChangesNothingKeepsTheVersion() {
        ObjectNode map = (ObjectNode) post(configMaps(), configMap("same")).body();
        Answer again = put(configMaps() + "/same", map);
        assertThat(again.text("metadata", "resourceVersion")).isEqualTo(Json.text(map, "metadata", "resourceVersion"));
    }

    @Test
    void aCustomResourceIsUpdatedOnlyUnderItsVersion() {
        post(widgets, widget("unversioned", 1));
        Answer refused = put(widgets + "/unversioned", widget("unversioned", 2));
        assertThat(refused.code()).isEqualTo(422);
        assertThat(refused.text("message")).contains("metadata.resourceVersion", "must be specified for an update");
        post(configMaps(), configMap("unversioned"));
        assertThat(put(configMaps() + "/unversioned", configMap("unversioned")).code())
                .isEqualTo(200);
    }

    @Test
    void theGenerationCountsChangesOfTheSpecAlone() {
        ObjectNode widget = (ObjectNode) post(widgets, widget("counted", 1)).body();
        assertThat(Json.at(widget, "metadata", "generation").asInt()).isEqualTo(1);
        Answer labelled = patch(widgets + "/counted", "merge-patch+json", "{'metadata': {'labels': {'a': 'b'}}}");
        assertThat(Json.at(labelled.body(), "metadata", "generation").asInt()).isEqualTo(1);
        Answer resized = patch(widgets + "/counted", "merge-patch+json", "{'spec': {'size': 2}}");
        assertThat(Json.at(resized.body(), "metadata", "generation").asInt()).isEqualTo(2);
        Answer status = patch(widgets + "/counted/status", "merge-patch+json", "{'status': {'phase': 'Done'}}");
        assertThat(Json.at(status.body(), "metadata", "generation").asInt()).isEqualTo(2);
    }

    @Test
    void statusAndSpecAreWrittenApart() {
        ObjectNode widget = widget("split", 1);
        widget.putObject("status").put("phase", "Ignored");
        ObjectNode created = (ObjectNode) post(widgets, widget).body();
        assertThat(created.has("status")).isFalse();
        ObjectNode both = created.deepCopy();
        both.putObject("status").put("phase", "Ready");
        both.withObjectProperty("spec").put("size", 9);
        both.withObjectProperty("metadata").putObject("labels").put("ignored", "too");
        Answer status = put(widgets + "/split/status", both);
        assertThat(status.code()).isEqualTo(200);
        assertThat(status.text("status", "phase")).isEqualTo("Ready");
        assertThat(Json.at(status.body(), "spec", "size").asInt()).isEqualTo(1);
        assertThat(Json.at(status.body(), "metadata", "labels").isMissingNode()).isTrue();
        Answer stale = put(widgets + "/split/status", both);
        assertThat(stale.code()).isEqualTo(409);
        ObjectNode main = (ObjectNode) status.body().deepCopy();
        main.putObject("status").put("phase", "Lost");
        assertThat(put(widgets + "/split", main).text("status", "phase")).isEqualTo("Ready");
        assertThat(get(widgets + "/split/status").text("status", "phase")).isEqualTo("Ready");
    }

    @Test
    void aNodesStatusCarriesItsMetadataToo() {
        String name = unique("node");
        post("/api/v1/nodes", object("v1", "Node", name));
        Answer patched = patch(
                "/api/v1/nodes/" + name + "/status",
                "merge-patch+json",
                "{'metadata': {'labels': {'a': 'b'}}, 'spec': {'unschedulable': true}, 'status': {'nodeInfo':"
                        + "{'bootID': 'b', 'kernelVersion': '6.1', 'architecture': 'arm64', 'containerRuntimeVersion': '',"
                        + " 'kubeletVersion': '', 'kubeProxyVersion': '', 'machineID': '', 'operatingSystem': '',"
                        + " 'osImage': '', 'systemUUID': ''}}}");
        assertThat(patched.code()).isEqualTo(200);
        assertThat(patched.text("metadata", "labels", "a")).isEqualTo("b");
        assertThat(patched.text("status", "nodeInfo", "bootID")).isEqualTo("b");
        assertThat(patched.body().path("spec").has("unschedulable")).isFalse();
        delete("/api/v1/nodes/" + name);
    }

    @Test
    void finalizersHoldADeletionBack() {
        ObjectNode map = configMap("held");
        map.withObjectProperty("metadata").putArray("finalizers").add("contract.dev/hold");
        post(configMaps(), map);
        Answer marked = delete(configMaps() + "/held");
        assertThat(marked.code()).isEqualTo(200);
        assertThat(marked.text("metadata", "deletionTimestamp")).isNotEmpty();
        assertThat(get(configMaps() + "/held").code()).isEqualTo(200);
        Answer released = patch(configMaps() + "/held", "merge-patch+json", "{'metadata': {'finalizers': null}}");
        assertThat(released.code()).isEqualTo(200);
        assertThat(get(configMaps() + "/held").code()).isEqualTo(404);
    }

    @Test
    void deletionAnswersWithTheUid() {
        Answer created = post(configMaps(), configMap("going"));
        Answer deleted = delete(configMaps() + "/going");
        assertThat(deleted.text("kind")).isEqualTo("Status");
        assertThat(deleted.text("status")).isEqualTo("Success");
        assertThat(deleted.text("details", "uid")).isEqualTo(created.text("metadata", "uid"));
    }

    @Test
    void deletionHonoursPreconditions() {
        post(configMaps(), configMap("precious"));
        Answer refused = delete(configMaps() + "/precious", json("{'preconditions': {'uid': 'another'}}"));
        assertThat(refused.code()).isEqualTo(409);
        assertThat(get(configMaps() + "/precious").code()).isEqualTo(200);
    }

    @Test
    void aDryRunLeavesNothingBehind() {
        Answer dry = post(configMaps() + "?dryRun=All", configMap("dry"));
        assertThat(dry.code()).isEqualTo(201);
        assertThat(get(configMaps() + "/dry").code()).isEqualTo(404);
        post(configMaps(), configMap("dry"));
        Answer patched = patch(configMaps() + "/dry?dryRun=All", "merge-patch+json", "{'data': {'a': '9'}}");
        assertThat(patched.text("data", "a")).isEqualTo("9");
        assertThat(delete(configMaps() + "/dry?dryRun=All").code()).isEqualTo(200);
        assertThat(get(configMaps() + "/dry").text("data", "a")).isEqualTo("1");
    }

    @Test
    void aCollectionIsDeletedBySelector() {
        for (String name : new String[] {"many-1", "many-2", "many-3"}) {
            ObjectNode map = configMap(name);
            map.withObjectProperty("metadata").putObject("labels").put("many", name.equals("many-3") ? "no" : "yes");
            post(configMaps(), map);
        }
        assertThat(delete(configMaps() + "?labelSelector=many%3Dyes").code()).isEqualTo(200);
        assertThat(get(configMaps() + "/many-1").code()).isEqualTo(404);
        assertThat(get(configMaps() + "/many-2").code()).isEqualTo(404);
        assertThat(get(configMaps() + "/many-3").code()).isEqualTo(200);
    }

    @Test
    void aBodyMustFitItsUrl() {
        post(configMaps(), configMap("fitting"));
        assertThat(put(configMaps() + "/fitting", configMap("other")).code()).isEqualTo(400);
        assertThat(post(configMaps(), object("v1", "Secret", "x")).code()).isEqualTo(400);
        ObjectNode versioned = configMap("versioned");
        versioned.withObjectProperty("metadata").put("resourceVersion", "5");
        Answer refused = post(configMaps(), versioned);
        assertThat(refused.code()).isIn(400, 500);
        assertThat(refused.text("message")).contains("resourceVersion should not be set on objects to be created");
        assertThat(send("POST", configMaps(), "application/json", "{no json").code())
                .isEqualTo(400);
    }

    @Test
    void aSecretsTextsBecomeItsData() {
        ObjectNode secret = object("v1", "Secret", "texts");
        secret.putObject("stringData").put("password", "s3cret");
        Answer created = post("/api/v1/namespaces/" + namespace + "/secrets", secret);
        assertThat(created.text("data", "password")).isEqualTo("czNjcmV0");
        assertThat(created.body().has("stringData")).isFalse();
        assertThat(created.text("type")).isEqualTo("Opaque");
    }

    @Test
    void aPodIsBoundOnceAndNeverMoves() {
        Answer created = post(pods(), pod("bound"));
        assertThat(created.text("status", "phase")).isEqualTo("Pending");
        assertThat(created.text("spec", "schedulerName")).isEqualTo("default-scheduler");
        ObjectNode binding = json("{'apiVersion': 'v1', 'kind': 'Binding', 'metadata': {'name': 'bound'},"
                + " 'target': {'apiVersion': 'v1', 'kind': 'Node', 'name': 'somewhere'}}");
        Answer bound = post(pods() + "/bound/binding", binding);
        assertThat(bound.code()).isEqualTo(201);
        assertThat(bound.text("status")).isEqualTo("Success");
        Answer pod = get(pods() + "/bound");
        assertThat(pod.text("spec", "nodeName")).isEqualTo("somewhere");
        assertThat(pod.body().path("status").path("conditions").findValuesAsText("type"))
                .contains("PodScheduled");
        assertThat(post(pods() + "/bound/binding", binding).code()).isEqualTo(409);
        Answer moved = patch(pods() + "/bound", "merge-patch+json", "{'spec': {'nodeSelector': {'a': 'b'}}}");
        assertThat(moved.code()).isEqualTo(422);
        Answer terminating = delete(pods() + "/bound");
        assertThat(Json.at(terminating.body(), "metadata", "deletionGracePeriodSeconds")
                        .asInt())
                .isEqualTo(30);
        assertThat(get(pods() + "/bound").code()).isEqualTo(200);
        delete(pods() + "/bound", json("{'gracePeriodSeconds': 0}"));
        assertThat(get(pods() + "/bound").code()).isEqualTo(404);
    }

    @Test
    void aPodThatRunsNowhereGoesAtOnce() {
        post(pods(), pod("unbound"));
        assertThat(delete(pods() + "/unbound").code()).isEqualTo(200);
        assertThat(get(pods() + "/unbound").code()).isEqualTo(404);
    }

    @Test
    void aBudgetHoldsAnEvictionBack() {
        post(pods(), pod("kept"));
        patch(
                pods() + "/kept/status",
                "merge-patch+json",
                "{'status': {'phase': 'Running', 'conditions': [{'type': 'Ready', 'status': 'True'}]}}");
        ObjectNode eviction = json("{'apiVersion': 'policy/v1', 'kind': 'Eviction', 'metadata': {'name': 'kept'}}");
        String budgets = "/apis/policy/v1/namespaces/" + namespace + "/poddisruptionbudgets";
        post(
                budgets,
                json("{'apiVersion': 'policy/v1', 'kind': 'PodDisruptionBudget', 'metadata': {'name': 'b'},"
                        + " 'spec': {'minAvailable': 1, 'selector': {'matchLabels': {'app': 'kept'}}}}"));
        Answer refused = post(pods() + "/kept/eviction", eviction);
        assertThat(refused.code()).isEqualTo(429);
        assertThat(refused.text("reason")).isEqualTo("TooManyRequests");
        delete(budgets + "/b");
        eventually(() -> post(pods() + "/kept/eviction", eviction).code() == 201);
        assertThat(get(pods() + "/kept").code()).isEqualTo(404);
    }

    @Test
    void eventsOfBothGroupsAreTheSame() {
        String modern = "/apis/events.k8s.io/v1/namespaces/" + namespace + "/events";
        Answer created = post(
                modern,
                json(
                        "{'apiVersion': 'events.k8s.io/v1', 'kind': 'Event', 'metadata': {'name': 'm'},"
                                + " 'eventTime': '2026-01-01T00:00:00.000000Z', 'reportingController': 'vmabi.dev/operator',"
                                + " 'reportingInstance': 'i', 'action': 'Pin', 'reason': 'Pinned', 'type': 'Normal', 'note': 'told',"
                                + " 'regarding': {'kind': 'Node', 'name': 'n', 'namespace': '%s'}}",
                        namespace));
        assertThat(created.code()).isEqualTo(201);
        assertThat(created.text("note")).isEqualTo("told");
        Answer core = get("/api/v1/namespaces/" + namespace + "/events/m");
        assertThat(core.text("message")).isEqualTo("told");
        assertThat(core.text("involvedObject", "name")).isEqualTo("n");
        assertThat(core.text("reportingComponent")).isEqualTo("vmabi.dev/operator");
        Answer again = patch(
                modern + "/m",
                "merge-patch+json",
                "{'series': {'count': 2, 'lastObservedTime': '2026-01-01T00:01:00.000000Z'}}");
        assertThat(again.code()).isEqualTo(200);
        assertThat(again.text("regarding", "name")).isEqualTo("n");
        Answer found = get("/api/v1/namespaces/" + namespace + "/events?fieldSelector=involvedObject.kind%3DNode");
        assertThat(found.body().path("items")).hasSize(1);
    }

    @Test
    void leasesAndEventsAreKeptAsTheyAre() {
        String leases = "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases";
        Answer lease = post(
                leases,
                json("{'apiVersion': 'coordination.k8s.io/v1', 'kind': 'Lease',"
                        + " 'metadata': {'name': 'l'}, 'spec': {'holderIdentity': 'me', 'leaseDurationSeconds': 15,"
                        + " 'acquireTime': '2026-01-01T00:00:00.000000Z'}}"));
        assertThat(lease.code()).isEqualTo(201);
        assertThat(lease.text("spec", "acquireTime")).isEqualTo("2026-01-01T00:00:00.000000Z");
        String events = "/api/v1/namespaces/" + namespace + "/events";
        Answer event = post(
                events,
                json(
                        "{'apiVersion': 'v1', 'kind': 'Event', 'metadata': {'name': 'e'},"
                                + " 'involvedObject': {'kind': 'Pod', 'name': 'p', 'namespace': '%s'}, 'reason': 'R', 'type': 'Normal',"
                                + " 'message': 'm'}",
                        namespace));
        assertThat(event.code()).isEqualTo(201);
        JsonNode found =
                get(events + "?fieldSelector=involvedObject.name%3Dp").body().path("items");
        assertThat(found).hasSize(1);
        assertThat(get(events + "?fieldSelector=involvedObject.name%3Dq").body().path("items"))
                .isEmpty();
    }
}
