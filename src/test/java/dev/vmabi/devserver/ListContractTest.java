package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Lists: selectors, pages, tables, bare metadata. */
class ListContractTest extends Contract {
    private static final String TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

    @BeforeAll
    static void makeMaps() {
        make("red-small", "red", "small");
        make("red-large", "red", "large");
        make("blue-small", "blue", "small");
        make("plain", null, null);
    }

    private static void make(String name, String colour, String size) {
        ObjectNode map = object("v1", "ConfigMap", name);
        ObjectNode labels =
                map.withObjectProperty("metadata").putObject("labels").put("list", "yes");
        if (colour != null) {
            labels.put("colour", colour).put("size", size);
        }
        post(configMaps(), map);
    }

    private static List<String> select(String labels) {
        String query = URLEncoder.encode("list=yes," + labels, StandardCharsets.UTF_8);
        return names(get(configMaps() + "?labelSelector=" + query));
    }

    private static List<String> names(Answer list) {
        List<String> names = new ArrayList<>();
        list.body().path("items").forEach(item -> names.add(Json.text(item, "metadata", "name")));
        return names;
    }

    @Test
    void labelSelectorsKnowAllOperators() {
        assertThat(select("colour=red")).containsExactly("red-large", "red-small");
        assertThat(select("colour==red,size=small")).containsExactly("red-small");
        assertThat(select("colour!=red")).containsExactly("blue-small", "plain");
        assertThat(select("colour in (red, blue),size in (small)")).containsExactly("blue-small", "red-small");
        assertThat(select("colour notin (red)")).containsExactly("blue-small", "plain");
        assertThat(select("colour")).containsExactly("blue-small", "red-large", "red-small");
        assertThat(select("!colour")).containsExactly("plain");
        assertThat(get(configMaps() + "?labelSelector=a%3D%3D%3Db").code()).isEqualTo(400);
    }

    @Test
    void fieldSelectorsKnowNameAndNamespaceAndRefuseOthers() {
        assertThat(names(get(configMaps() + "?fieldSelector=metadata.name%3Dplain")))
                .containsExactly("plain");
        assertThat(names(get(
                        "/api/v1/configmaps?labelSelector=list&fieldSelector=metadata.name%3Dplain,metadata.namespace%3D"
                                + namespace)))
                .containsExactly("plain");
        assertThat(names(get(configMaps() + "?labelSelector=list&fieldSelector=metadata.name!%3Dplain")))
                .hasSize(3);
        Answer refused = get(configMaps() + "?fieldSelector=data.x%3Dy");
        assertThat(refused.code()).isEqualTo(400);
        assertThat(refused.text("message")).contains("data.x");
    }

    @Test
    void podsAreListedByNodeAndPhase() {
        String pods = "/api/v1/namespaces/" + namespace + "/pods";
        for (String node : List.of("n1", "n2")) {
            post(
                    pods,
                    json(
                            "{'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'on-%s'},"
                                    + " 'spec': {'nodeName': '%s', 'containers': [{'name': 'c', 'image': 'i'}]}}",
                            node, node));
        }
        patch(pods + "/on-n2/status", "merge-patch+json", "{'status': {'phase': 'Running'}}");
        assertThat(names(get(pods + "?fieldSelector=spec.nodeName%3Dn1"))).containsExactly("on-n1");
        assertThat(names(get(pods + "?fieldSelector=status.phase%3DRunning"))).containsExactly("on-n2");
        assertThat(names(get(pods + "?fieldSelector=spec.nodeName%3Dn2,status.phase!%3DRunning")))
                .isEmpty();
    }

    @Test
    void aListIsPagedAsItWasAtItsFirstPage() {
        String query = "?labelSelector=paged&limit=2";
        for (String name : List.of("page-1", "page-2", "page-3", "page-4", "page-5")) {
            ObjectNode map = object("v1", "ConfigMap", name);
            map.withObjectProperty("metadata").putObject("labels").put("paged", "");
            post(configMaps(), map);
        }
        Answer first = get(configMaps() + query);
        assertThat(names(first)).containsExactly("page-1", "page-2");
        String next = first.text("metadata", "continue");
        assertThat(next).isNotEmpty();
        delete(configMaps() + "/page-3");
        Answer second = get(configMaps() + query + "&continue=" + next);
        assertThat(names(second)).containsExactly("page-3", "page-4");
        assertThat(second.text("metadata", "resourceVersion")).isEqualTo(first.text("metadata", "resourceVersion"));
        Answer third = get(configMaps() + query + "&continue=" + second.text("metadata", "continue"));
        assertThat(names(third)).containsExactly("page-5");
        assertThat(third.text("metadata", "continue")).isEmpty();
    }

    @Test
    void aListSaysItsKindAndVersion() {
        Answer list = get(configMaps());
        assertThat(list.text("kind")).isEqualTo("ConfigMapList");
        assertThat(list.text("apiVersion")).isEqualTo("v1");
        assertThat(list.text("metadata", "resourceVersion")).matches("[0-9]+");
    }

    @Test
    void tablesHaveTheDeclaredColumns() {
        String things = define("Thing", """
                {'type': 'object', 'properties': {'spec': {'type': 'object', 'properties': {'size': {'type': 'integer'}}},
                  'status': {'type': 'object', 'properties': {'conditions': {'type': 'array', 'items': {'type': 'object',
                    'properties': {'type': {'type': 'string'}, 'status': {'type': 'string'}}}}}}}}
                """, """
                [{'name': 'Size', 'type': 'integer', 'jsonPath': '.spec.size'},
                 {'name': 'Ready', 'type': 'string', 'jsonPath': '.status.conditions[?(@.type==\\"Ready\\")].status'},
                 {'name': 'Wide', 'type': 'string', 'priority': 1, 'jsonPath': '.spec.none'},
                 {'name': 'Age', 'type': 'date', 'jsonPath': '.metadata.creationTimestamp'}]
                """);
        post(
                things,
                json(
                        "{'apiVersion': 'contract.dev/v1', 'kind': 'Thing', 'metadata': {'name': 't'}, 'spec': {'size': 3}}"));
        patch(
                things + "/t/status",
                "merge-patch+json",
                "{'status': {'conditions': [{'type': 'Other', 'status': 'x'}, {'type': 'Ready', 'status': 'True'}]}}");
        Answer table = send("GET", things, null, null, "Accept", TABLE);
        assertThat(table.text("kind")).isEqualTo("Table");
        assertThat(table.body().path("columnDefinitions").findValuesAsText("name"))
                .containsExactly("Name", "Size", "Ready", "Wide", "Age");
        assertThat(table.body()
                        .path("columnDefinitions")
                        .get(3)
                        .path("priority")
                        .asInt())
                .isEqualTo(1);
        JsonNode row = table.body().path("rows").get(0);
        assertThat(row.path("cells").get(0).asText()).isEqualTo("t");
        assertThat(row.path("cells").get(1).asInt()).isEqualTo(3);
        assertThat(row.path("cells").get(2).asText()).isEqualTo("True");
        assertThat(row.path("cells").get(3).isNull()).isTrue();
        assertThat(row.path("cells").get(4).asText()).matches("\\d+s");
        assertThat(Json.text(row, "object", "kind")).isEqualTo("PartialObjectMetadata");
        Answer one = send("GET", things + "/t?includeObject=Object", null, null, "Accept", TABLE);
        assertThat(Json.text(one.body().path("rows").get(0), "object", "kind")).isEqualTo("Thing");
        assertThat(get(things + "/t").text("kind")).isEqualTo("Thing");
    }

    @Test
    void metadataComesAloneOnRequest() {
        String accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
        Answer list = send("GET", configMaps() + "?labelSelector=colour", null, null, "Accept", accept);
        assertThat(list.text("kind")).isEqualTo("PartialObjectMetadataList");
        assertThat(names(list)).containsExactly("blue-small", "red-large", "red-small");
        assertThat(list.body().path("items").get(0).has("data")).isFalse();
    }
}
