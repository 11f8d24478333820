package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Merge patch (RFC 7386), JSON patch (RFC 6902) and strategic merge patch. */
class PatchContractTest extends Contract {
    private static String gadgets;

    @BeforeAll
    static void defineGadgets() {
        gadgets = define("Gadget", """
                {'type': 'object', 'properties': {'spec': {'type': 'object', 'properties': {
                  'keep': {'type': 'string'}, 'drop': {'type': 'string'},
                  'list': {'type': 'array', 'items': {'type': 'string'}}}}}}
                """);
    }

    private static ObjectNode gadget(String name) {
        return json(
                "{'apiVersion': 'contract.dev/v1', 'kind': 'Gadget', 'metadata': {'name': '%s'},"
                        + " 'spec': {'keep': 'k', 'drop': 'd', 'list': ['a', 'b']}}",
                name);
    }

    @Test
    void aMergePatchDeletesByNullAndReplacesLists() {
        post(gadgets, gadget("merge"));
        Answer merged = patch(gadgets + "/merge", "merge-patch+json", "{'spec': {'drop': null, 'list': ['c']}}");
        assertThat(merged.body().path("spec")).isEqualTo(json("{'keep': 'k', 'list': ['c']}"));
    }

    @Test
    void aMergePatchDeletesAKeyOfAMap() {
        ObjectNode map = object("v1", "ConfigMap", "keys");
        map.putObject("data").put("keep", "1").put("drop", "2");
        post(configMaps(), map);
        Answer merged = patch(configMaps() + "/keys", "merge-patch+json", "{'data': {'drop': null, 'new': '3'}}");
        assertThat(merged.body().path("data")).isEqualTo(json("{'keep': '1', 'new': '3'}"));
    }

    @Test
    void aPatchThatChangesNothingKeepsTheVersion() {
        Answer created = post(gadgets, gadget("nothing"));
        Answer patched = patch(gadgets + "/nothing", "merge-patch+json", "{'spec': {'keep': 'k'}}");
        assertThat(patched.text("metadata", "resourceVersion")).isEqualTo(created.text("metadata", "resourceVersion"));
    }

    @Test
    void aPatchMayNameTheVersionItIsFor() {
        Answer created = post(gadgets, gadget("versioned"));
        String version = created.text("metadata", "resourceVersion");
        patch(gadgets + "/versioned", "merge-patch+json", "{'spec': {'keep': 'x'}}");
        Answer stale = patch(
                gadgets + "/versioned",
                "merge-patch+json",
                "{'metadata': {'resourceVersion': '" + version + "'}, 'spec': {'keep': 'y'}}");
        assertThat(stale.code()).isEqualTo(409);
    }

    @Test
    void aJsonPatchTestsAddsReplacesAndRemoves() {
        post(gadgets, gadget("json"));
        Answer patched = patch(gadgets + "/json", "json-patch+json", """
                [{'op': 'test', 'path': '/spec/keep', 'value': 'k'},
                 {'op': 'replace', 'path': '/spec/keep', 'value': 'new'},
                 {'op': 'remove', 'path': '/spec/drop'},
                 {'op': 'add', 'path': '/spec/list/-', 'value': 'c'},
                 {'op': 'add', 'path': '/metadata/labels', 'value': {}},
                 {'op': 'add', 'path': '/metadata/labels/contract.dev~1a', 'value': 'v'}]
                """);
        assertThat(patched.code()).isEqualTo(200);
        assertThat(patched.body().path("spec")).isEqualTo(json("{'keep': 'new', 'list': ['a', 'b', 'c']}"));
        assertThat(patched.text("metadata", "labels", "contract.dev/a")).isEqualTo("v");
    }

    @Test
    void aJsonPatchWhoseTestFailsChangesNothing() {
        post(gadgets, gadget("tested"));
        Answer refused = patch(
                gadgets + "/tested",
                "json-patch+json",
                "[{'op': 'replace', 'path': '/spec/keep', 'value': 'x'}, {'op': 'test', 'path': '/spec/drop', 'value': 'z'}]");
        assertThat(refused.code()).isEqualTo(422);
        Answer nowhere = patch(gadgets + "/tested", "json-patch+json", "[{'op': 'remove', 'path': '/spec/absent'}]");
        assertThat(nowhere.code()).isEqualTo(422);
        assertThat(get(gadgets + "/tested").text("spec", "keep")).isEqualTo("k");
    }

    @Test
    void customResourcesKnowNoStrategicMerge() {
        post(gadgets, gadget("strategic"));
        assertThat(patch(gadgets + "/strategic", "strategic-merge-patch+json", "{}")
                        .code())
                .isEqualTo(415);
        assertThat(patch(gadgets + "/strategic", "json", "{}").code()).isEqualTo(415);
    }

    @Test
    void aStrategicMergeMergesListsByKey() {
        String deployments = "/apis/apps/v1/namespaces/" + namespace + "/deployments";
        post(deployments, json("""
                {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': 'd'}, 'spec': {
                  'selector': {'matchLabels': {'a': 'b'}}, 'template': {'metadata': {'labels': {'a': 'b'}}, 'spec': {
                    'containers': [{'name': 'one', 'image': 'i1'}, {'name': 'two', 'image': 'i2'}]}}}}
                """));
        Answer patched = patch(deployments + "/d", "strategic-merge-patch+json", """
                {'spec': {'template': {'spec': {
                  '$setElementOrder/containers': [{'name': 'one'}, {'name': 'three'}],
                  'containers': [{'name': 'one', 'image': 'new'}, {'name': 'three', 'image': 'i3'},
                                 {'name': 'two', '$patch': 'delete'}]}}}}
                """);
        assertThat(patched.code()).isEqualTo(200);
        var containers = Json.at(patched.body(), "spec", "template", "spec", "containers");
        assertThat(containers.findValuesAsText("name")).containsExactly("one", "three");
        assertThat(containers.findValuesAsText("image")).containsExactly("new", "i3");
    }

    @Test
    void aStrategicMergeSetsLabelsAndTaintsOfANode() {
        String node = "/api/v1/nodes/" + unique("patched");
        post("/api/v1/nodes", object("v1", "Node", node.substring(node.lastIndexOf('/') + 1)));
        Answer patched = patch(
                node,
                "strategic-merge-patch+json",
                "{'metadata': {'labels': {'a': 'b'}}, 'spec': {'taints': [{'key': 'k', 'effect': 'NoSchedule'}]}}");
        assertThat(patched.text("metadata", "labels", "a")).isEqualTo("b");
        assertThat(Json.at(patched.body(), "spec", "taints").findValuesAsText("key"))
                .containsExactly("k");
        Answer removed = patch(
                node, "strategic-merge-patch+json", "{'metadata': {'labels': {'a': null}}, 'spec': {'taints': null}}");
        assertThat(Json.at(removed.body(), "metadata", "labels").has("a")).isFalse();
        assertThat(removed.body().path("spec").has("taints")).isFalse();
        delete(node);
    }
}
