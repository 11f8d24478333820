package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Server-side apply: ownership of fields, conflicts, lists by key and as sets. */
class ApplyContractTest extends Contract {
    private static String tools;

    @BeforeAll
    static void defineTools() {
        tools = define("Tool", """
                {'type': 'object', 'properties': {
                  'spec': {'type': 'object', 'properties': {
                    'a': {'type': 'string'}, 'b': {'type': 'string'},
                    'nested': {'type': 'object', 'properties': {'x': {'type': 'integer'}, 'y': {'type': 'integer'}}},
                    'whole': {'type': 'object', 'x-kubernetes-map-type': 'atomic',
                              'additionalProperties': {'type': 'string'}},
                    'atoms': {'type': 'array', 'items': {'type': 'string'}},
                    'set': {'type': 'array', 'x-kubernetes-list-type': 'set', 'items': {'type': 'string'}},
                    'parts': {'type': 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'],
                      'items': {'type': 'object', 'required': ['name'], 'properties': {
                        'name': {'type': 'string'}, 'value': {'type': 'string'}, 'note': {'type': 'string'}}}}}},
                  'status': {'type': 'object', 'properties': {
                    'phase': {'type': 'string'},
                    'conditions': {'type': 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'],
                      'items': {'type': 'object', 'required': ['type'], 'properties': {
                        'type': {'type': 'string'}, 'status': {'type': 'string'}}}}}}}}
                """);
    }

    private static ObjectNode tool(String name, String spec, Object... values) {
        ObjectNode tool = object("contract.dev/v1", "Tool", name);
        tool.set("spec", json(spec, values));
        return tool;
    }

    private static ObjectNode status(String name, String status) {
        ObjectNode tool = object("contract.dev/v1", "Tool", name);
        tool.set("status", json(status));
        return tool;
    }

    private static JsonNode spec(Answer answer) {
        return answer.body().path("spec");
    }

    /** What {@code manager} owns, as it stands in managedFields. */
    private static JsonNode owned(Answer answer, String manager) {
        for (JsonNode entry : Json.at(answer.body(), "metadata", "managedFields")) {
            if (Json.text(entry, "manager").equals(manager)) {
                return entry.path("fieldsV1");
            }
        }
        return Json.object().missingNode();
    }

    @Test
    void applyCreates() {
        Answer created = apply(tools + "/new", "alice", tool("new", "{'a': '1'}"));
        assertThat(created.code()).isEqualTo(201);
        assertThat(owned(created, "alice")).isEqualTo(json("{'f:spec': {'f:a': {}}}"));
        JsonNode entry = Json.at(created.body(), "metadata", "managedFields").get(0);
        assertThat(Json.text(entry, "operation")).isEqualTo("Apply");
        assertThat(Json.text(entry, "apiVersion")).isEqualTo("contract.dev/v1");
        assertThat(Json.text(entry, "fieldsType")).isEqualTo("FieldsV1");
        assertThat(Json.text(entry, "time")).isNotEmpty();
    }

    @Test
    void applyingTheSameAgainChangesNothing() {
        Answer first = apply(tools + "/same", "alice", tool("same", "{'a': '1', 'parts': [{'name': 'p'}]}"));
        Answer second = apply(tools + "/same", "alice", tool("same", "{'a': '1', 'parts': [{'name': 'p'}]}"));
        assertThat(second.code()).isEqualTo(200);
        assertThat(second.body()).isEqualTo(first.body());
    }

    @Test
    void anotherValueForAnothersFieldIsAConflict() {
        apply(tools + "/fought", "alice", tool("fought", "{'a': '1', 'b': '1'}"));
        Answer conflict = apply(tools + "/fought", "bob", tool("fought", "{'a': '2', 'b': '2'}"));
        assertThat(conflict.code()).isEqualTo(409);
        assertThat(conflict.text("reason")).isEqualTo("Conflict");
        assertThat(conflict.text("message"))
                .startsWith("Apply failed with 2 conflicts")
                .contains("alice");
        List<String> fields = conflict.body().path("details").path("causes").findValuesAsText("field");
        assertThat(fields).containsExactlyInAnyOrder(".spec.a", ".spec.b");
        assertThat(conflict.body().path("details").path("causes").findValuesAsText("reason"))
                .containsOnly("FieldManagerConflict");
        assertThat(spec(get(tools + "/fought"))).isEqualTo(json("{'a': '1', 'b': '1'}"));
    }

    @Test
    void forceTakesTheFieldOver() {
        apply(tools + "/taken", "alice", tool("taken", "{'a': '1', 'b': '1'}"));
        Answer forced = apply(tools + "/taken?force=true", "bob", tool("taken", "{'a': '2'}"));
        assertThat(forced.code()).isEqualTo(200);
        assertThat(spec(forced)).isEqualTo(json("{'a': '2', 'b': '1'}"));
        assertThat(owned(forced, "alice")).isEqualTo(json("{'f:spec': {'f:b': {}}}"));
        assertThat(owned(forced, "bob")).isEqualTo(json("{'f:spec': {'f:a': {}}}"));
    }

    @Test
    void theSameValueIsSharedAndStaysUntilAllLetGo() {
        apply(tools + "/shared", "alice", tool("shared", "{'a': '1', 'b': '1'}"));
        Answer shared = apply(tools + "/shared", "bob", tool("shared", "{'a': '1'}"));
        assertThat(shared.code()).isEqualTo(200);
        Answer one = apply(tools + "/shared", "alice", tool("shared", "{'b': '1'}"));
        assertThat(spec(one)).isEqualTo(json("{'a': '1', 'b': '1'}"));
        Answer none = apply(tools + "/shared", "bob", tool("shared", "{}"));
        assertThat(spec(none)).isEqualTo(json("{'b': '1'}"));
    }

    @Test
    void whatIsNoLongerAppliedGoes() {
        apply(tools + "/less", "alice", tool("less", "{'a': '1', 'nested': {'x': 1, 'y': 2}}"));
        Answer less = apply(tools + "/less", "alice", tool("less", "{'nested': {'y': 2}}"));
        assertThat(spec(less)).isEqualTo(json("{'nested': {'y': 2}}"));
        Answer nothing = apply(tools + "/less", "alice", tool("less", "{'b': 'x'}"));
        assertThat(spec(nothing)).isEqualTo(json("{'b': 'x'}"));
    }

    @Test
    void anUpdateTakesOwnershipOfWhatItChanges() {
        apply(tools + "/updated", "alice", tool("updated", "{'a': '1', 'b': '1'}"));
        Answer patched = patch(tools + "/updated?fieldManager=editor", "merge-patch+json", "{'spec': {'a': '2'}}");
        assertThat(owned(patched, "editor")).isEqualTo(json("{'f:spec': {'f:a': {}}}"));
        assertThat(owned(patched, "alice")).isEqualTo(json("{'f:spec': {'f:b': {}}}"));
        Answer conflict = apply(tools + "/updated", "alice", tool("updated", "{'a': '1', 'b': '1'}"));
        assertThat(conflict.code()).isEqualTo(409);
        assertThat(conflict.text("message")).contains("editor");
        Answer kept = apply(tools + "/updated", "alice", tool("updated", "{'b': '1'}"));
        assertThat(spec(kept)).isEqualTo(json("{'a': '2', 'b': '1'}"));
    }

    @Test
    void theManagerOfAnUpdateIsTheUserAgentByDefault() {
        Answer created = post(tools, tool("agent", "{'a': '1'}"));
        assertThat(owned(created, "contract").path("f:spec").has("f:a")).isTrue();
    }

    @Test
    void listsAreMergedByKey() {
        apply(tools + "/keyed", "alice", tool("keyed", "{'parts': [{'name': 'p', 'value': '1'}]}"));
        Answer merged = apply(tools + "/keyed", "bob", tool("keyed", "{'parts': [{'name': 'q', 'value': '2'}]}"));
        assertThat(spec(merged).path("parts").findValuesAsText("name")).containsExactlyInAnyOrder("p", "q");
        assertThat(owned(merged, "bob"))
                .isEqualTo(json(
                        "{'f:spec': {'f:parts': {'k:{\\'name\\':\\'q\\'}': {'.': {}, 'f:name': {}, 'f:value': {}}}}}"));
        Answer both = apply(
                tools + "/keyed",
                "bob",
                tool("keyed", "{'parts': [{'name': 'q', 'value': '2'}, {'name': 'p', 'note': 'n'}]}"));
        assertThat(both.code()).isEqualTo(200);
        Answer gone = apply(tools + "/keyed", "alice", tool("keyed", "{}"));
        for (JsonNode part : spec(gone).path("parts")) {
            if (Json.text(part, "name").equals("p")) {
                assertThat(part).isEqualTo(json("{'name': 'p', 'note': 'n'}"));
            }
        }
        Answer conflict = apply(tools + "/keyed", "carol", tool("keyed", "{'parts': [{'name': 'q', 'value': '3'}]}"));
        assertThat(conflict.code()).isEqualTo(409);
        assertThat(conflict.body().path("details").path("causes").findValuesAsText("field"))
                .containsExactly(".spec.parts[name=\"q\"].value");
    }

    @Test
    void setsAreUnitedAndAtomsReplaced() {
        apply(tools + "/sets", "alice", tool("sets", "{'set': ['a', 'b'], 'atoms': ['a'], 'whole': {'a': '1'}}"));
        Answer united = apply(tools + "/sets", "bob", tool("sets", "{'set': ['b', 'c']}"));
        List<String> set = new ArrayList<>();
        spec(united).path("set").forEach(item -> set.add(item.asText()));
        assertThat(set).containsExactlyInAnyOrder("a", "b", "c");
        assertThat(apply(tools + "/sets", "bob", tool("sets", "{'atoms': ['b']}"))
                        .code())
                .isEqualTo(409);
        Answer replaced =
                apply(tools + "/sets?force=true", "bob", tool("sets", "{'atoms': ['b'], 'whole': {'b': '2'}}"));
        assertThat(spec(replaced).path("atoms")).isEqualTo(Json.parse("[\"b\"]"));
        assertThat(spec(replaced).path("whole")).isEqualTo(json("{'b': '2'}"));
        set.clear();
        spec(replaced).path("set").forEach(item -> set.add(item.asText()));
        assertThat(set).containsExactlyInAnyOrder("a", "b");
    }

    @Test
    void statusIsAppliedAndOwnedApart() {
        apply(tools + "/stat", "alice", tool("stat", "{'a': '1'}"));
        Answer applied = apply(
                tools + "/stat/status",
                "operator",
                status("stat", "{'phase': 'P', 'conditions': [{'type': 'Ready', 'status': 'True'}]}"));
        assertThat(applied.code()).isEqualTo(200);
        assertThat(applied.text("status", "phase")).isEqualTo("P");
        for (JsonNode entry : Json.at(applied.body(), "metadata", "managedFields")) {
            if (Json.text(entry, "manager").equals("operator")) {
                assertThat(Json.text(entry, "subresource")).isEqualTo("status");
            }
        }
        Answer again = apply(tools + "/stat", "alice", tool("stat", "{'b': '1'}"));
        assertThat(again.text("status", "phase")).isEqualTo("P");
        assertThat(spec(again)).isEqualTo(json("{'b': '1'}"));
        Answer less = apply(
                tools + "/stat/status",
                "operator",
                status("stat", "{'conditions': [{'type': 'Ready', 'status': 'False'}]}"));
        assertThat(less.body().path("status"))
                .isEqualTo(json("{'conditions': [{'type': 'Ready', 'status': 'False'}]}"));
        assertThat(apply(tools + "/absent/status", "operator", status("absent", "{'phase': 'P'}"))
                        .code())
                .isEqualTo(404);
    }

    @Test
    void applyNeedsAManagerAndNoManagedFields() {
        assertThat(send(
                                "PATCH",
                                tools + "/m",
                                "application/apply-patch+yaml",
                                tool("m", "{}").toString())
                        .code())
                .isEqualTo(422);
        ObjectNode tool = tool("m", "{}");
        tool.withObjectProperty("metadata")
                .putArray("managedFields")
                .addObject()
                .put("manager", "x");
        assertThat(apply(tools + "/m", "alice", tool).code()).isEqualTo(400);
    }

    @Test
    void yamlIsApplied() {
        String yaml = "apiVersion: contract.dev/v1\nkind: Tool\nmetadata:\n  name: yaml\nspec:\n  a: from yaml\n";
        Answer applied = send("PATCH", tools + "/yaml?fieldManager=alice", "application/apply-patch+yaml", yaml);
        assertThat(applied.code()).isEqualTo(201);
        assertThat(applied.text("spec", "a")).isEqualTo("from yaml");
    }

    @Test
    void labelsOfANodeAreSharedAmongManagers() {
        String node = unique("labelled");
        String path = "/api/v1/nodes/" + node;
        ObjectNode kubelet = object("v1", "Node", node);
        kubelet.withObjectProperty("metadata").putObject("labels").put("kubelet", "1");
        post("/api/v1/nodes", kubelet);
        ObjectNode ours = object("v1", "Node", node);
        ours.withObjectProperty("metadata")
                .putObject("labels")
                .put("ours-1", "true")
                .put("ours-2", "true");
        assertThat(apply(path, "operator", ours).code()).isEqualTo(200);
        ours.withObjectProperty("metadata").putObject("labels").put("ours-2", "true");
        Answer applied = apply(path, "operator", ours);
        assertThat(Json.at(applied.body(), "metadata", "labels")).isEqualTo(json("{'kubelet': '1', 'ours-2': 'true'}"));
        delete(path);
    }

    @Test
    void builtInListsAreMergedByTheirKeys() {
        String deployments = "/apis/apps/v1/namespaces/" + namespace + "/deployments/d";
        String template = """
                {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': 'd'}, 'spec': {
                  'selector': {'matchLabels': {'a': 'b'}}, 'template': {'metadata': {'labels': {'a': 'b'}},
                    'spec': {'containers': [%s]}}}}
                """;
        String one = "{'name': 'one', 'image': 'i', 'ports': [{'containerPort': 80, 'protocol': 'TCP'}]}";
        assertThat(apply(deployments, "alice", json(template.formatted(one))).code())
                .isEqualTo(201);
        Answer merged = apply(deployments, "bob", json(template.formatted("{'name': 'two', 'image': 'j'}")));
        assertThat(merged.code()).isEqualTo(200);
        assertThat(Json.at(merged.body(), "spec", "template", "spec", "containers")
                        .findValuesAsText("name"))
                .contains("one", "two");
        assertThat(owned(merged, "alice").toString())
                .contains("k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}");
    }
}
