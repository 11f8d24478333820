package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Watches: what they tell, from where they resume, when they end. */
class WatchContractTest extends Contract {
    private static String parts;
    private String own;

    @BeforeAll
    static void defineParts() {
        parts = define("Part", "{'type': 'object', 'x-kubernetes-preserve-unknown-fields': true}");
    }

    /** Each test sees only what bears its own label. */
    @BeforeEach
    void label() {
        own = unique("test");
    }

    private String watch(String more) {
        return configMaps() + "?watch=true&labelSelector=test%3D" + own + more;
    }

    private Answer make(String name) {
        return post(configMaps(), map(name, own));
    }

    private static ObjectNode map(String name, String label) {
        ObjectNode map = object("v1", "ConfigMap", name);
        map.withObjectProperty("metadata").putObject("labels").put("test", label);
        return map;
    }

    private String version() {
        return get(configMaps()).text("metadata", "resourceVersion");
    }

    @Test
    void withoutAVersionTheWatchStartsWithWhatIsThere() {
        String name = unique("map");
        make(name);
        try (Watching watch = new Watching(watch(""))) {
            assertThat(watch.next()).isEqualTo("ADDED " + name);
            patch(configMaps() + "/" + name, "merge-patch+json", "{'data': {'a': 'b'}}");
            assertThat(watch.next()).isEqualTo("MODIFIED " + name);
            delete(configMaps() + "/" + name);
            assertThat(watch.next()).isEqualTo("DELETED " + name);
        }
    }

    @Test
    void fromAVersionItTellsOnlyWhatCameAfter() {
        String before = unique("map");
        String after = unique("map");
        make(before);
        String version = version();
        make(after);
        try (Watching watch = new Watching(watch("&resourceVersion=" + version))) {
            assertThat(watch.next()).isEqualTo("ADDED " + after);
            delete(configMaps() + "/" + before);
            JsonNode deleted = watch.nextEvent();
            assertThat(Json.text(deleted, "type")).isEqualTo("DELETED");
            assertThat(Long.parseLong(Json.text(deleted, "object", "metadata", "resourceVersion")))
                    .isGreaterThan(Long.parseLong(version));
        }
    }

    @Test
    void anObjectThatCeasesToMatchIsDeletedForTheWatch() {
        String name = unique("map");
        try (Watching watch = new Watching(watch("&resourceVersion=" + version()))) {
            post(configMaps(), map(name, "other"));
            patch(configMaps() + "/" + name, "merge-patch+json", "{'metadata': {'labels': {'test': '" + own + "'}}}");
            assertThat(watch.next()).isEqualTo("ADDED " + name);
            patch(configMaps() + "/" + name, "merge-patch+json", "{'metadata': {'labels': {'test': 'other'}}}");
            assertThat(watch.next()).isEqualTo("DELETED " + name);
        }
    }

    @Test
    void fieldSelectorsNarrowAWatch() {
        String name = unique("map");
        try (Watching watch = new Watching(
                configMaps() + "?watch=1&resourceVersion=" + version() + "&fieldSelector=metadata.name%3D" + name)) {
            make(unique("map"));
            make(name);
            assertThat(watch.next()).isEqualTo("ADDED " + name);
        }
    }

    @Test
    void podsAreWatchedByNode() {
        String pods = "/api/v1/namespaces/" + namespace + "/pods";
        try (Watching watch = new Watching(pods + "?watch=1&fieldSelector=spec.nodeName%3D" + own)) {
            post(
                    pods,
                    json(
                            "{'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': '%s'},"
                                    + " 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}",
                            own));
            post(
                    pods + "/" + own + "/binding",
                    json(
                            "{'apiVersion': 'v1', 'kind': 'Binding', 'metadata': {'name': '%s'},"
                                    + " 'target': {'kind': 'Node', 'name': '%s'}}",
                            own, own));
            assertThat(watch.next()).isEqualTo("ADDED " + own);
        }
    }

    @Test
    void aWatchEndsWhenItsTimeIsUp() {
        try (Watching watch = new Watching(watch("&timeoutSeconds=1&resourceVersion=" + version()))) {
            assertThat(watch.next()).isEqualTo("END");
        }
    }

    @Test
    void bookmarksComeOnRequest() {
        // The real server sends one shortly before the time is up, if anything has happened until then.
        String query = "&allowWatchBookmarks=true&timeoutSeconds=8&resourceVersion=" + version();
        String name = unique("map");
        try (Watching watch = new Watching(watch(query))) {
            make(name);
            assertThat(watch.next()).isEqualTo("ADDED " + name);
            JsonNode event = watch.nextEvent();
            assertThat(Json.text(event, "type")).isEqualTo("BOOKMARK");
            assertThat(Json.text(event, "object", "kind")).isEqualTo("ConfigMap");
            assertThat(Json.text(event, "object", "metadata", "resourceVersion"))
                    .matches("[0-9]+");
        }
    }

    @Test
    void theInitialStateEndsWithABookmark() {
        String name = unique("map");
        make(name);
        String query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        try (Watching watch = new Watching(watch(query))) {
            assertThat(watch.next()).isEqualTo("ADDED " + name);
            JsonNode bookmark = watch.nextEvent();
            assertThat(Json.text(bookmark, "object", "metadata", "annotations", "k8s.io/initial-events-end"))
                    .isEqualTo("true");
        }
    }

    @Test
    void aVersionFromBeforeTheMemoryIsGone() {
        try (Watching watch = new Watching(parts + "?watch=1&resourceVersion=1")) {
            JsonNode error = watch.nextEvent();
            assertThat(Json.text(error, "type")).isEqualTo("ERROR");
            assertThat(error.path("object").path("code").asInt()).isEqualTo(410);
            assertThat(Json.text(error, "object", "reason")).isEqualTo("Expired");
        }
    }

    @Test
    void aNamespaceSeesOnlyItsOwn() {
        String name = unique("map");
        try (Watching everywhere = new Watching("/api/v1/configmaps?watch=1&labelSelector=test%3D" + own);
                Watching elsewhere = new Watching(
                        "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=2&labelSelector=test%3D" + own)) {
            make(name);
            assertThat(everywhere.next()).isEqualTo("ADDED " + name);
            assertThat(elsewhere.next()).isEqualTo("END");
        }
    }

    @Test
    void fabric8InformersFollow() {
        String name = unique("map");
        make(name);
        try (KubernetesClient client = server().client();
                SharedIndexInformer<ConfigMap> informer = client.configMaps()
                        .inNamespace(namespace)
                        .withLabel("test", own)
                        .inform()) {
            eventually(() -> informer.getStore().list().size() == 1);
            client.configMaps()
                    .inNamespace(namespace)
                    .resource(new ConfigMapBuilder()
                            .withNewMetadata()
                            .withName(name)
                            .addToLabels("test", own)
                            .endMetadata()
                            .addToData("k", "v")
                            .build())
                    .fieldManager("informed")
                    .forceConflicts()
                    .serverSideApply();
            eventually(() -> informer.getStore().list().stream()
                    .anyMatch(map ->
                            map.getData() != null && "v".equals(map.getData().get("k"))));
            client.configMaps().inNamespace(namespace).withName(name).delete();
            eventually(() -> informer.getStore().list().isEmpty());
        }
    }
}
