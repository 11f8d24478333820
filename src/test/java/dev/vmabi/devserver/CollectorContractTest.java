package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What follows from a deletion; on the real server the work of kube-controller-manager. */
class CollectorContractTest extends Contract {

    private static Answer make(String name, Answer... owners) {
        ObjectNode map = object("v1", "ConfigMap", name);
        for (Answer owner : owners) {
            map.withObjectProperty("metadata")
                    .withArrayProperty("ownerReferences")
                    .addObject()
                    .put("apiVersion", "v1")
                    .put("kind", "ConfigMap")
                    .put("name", owner.text("metadata", "name"))
                    .put("uid", owner.text("metadata", "uid"))
                    .put("blockOwnerDeletion", true);
        }
        return post(configMaps(), map);
    }

    private static boolean there(String name) {
        return get(configMaps() + "/" + name).code() == 200;
    }

    @Test
    void dependentsGoWithTheirOwner() {
        Answer owner = make("owner");
        Answer child = make("child", owner);
        make("grandchild", child);
        delete(configMaps() + "/owner");
        eventually(() -> !there("child") && !there("grandchild"));
    }

    @Test
    void oneOwnerThatIsLeftIsEnough() {
        Answer first = make("first");
        Answer second = make("second");
        make("both", first, second);
        delete(configMaps() + "/first");
        eventually(() -> Json.at(get(configMaps() + "/both").body(), "metadata", "ownerReferences")
                        .size()
                == 1);
        delete(configMaps() + "/second");
        eventually(() -> !there("both"));
    }

    @Test
    void anOwnerThatNeverWasOwnsNothing() {
        Answer ghost = make("ghost");
        delete(configMaps() + "/ghost");
        make("haunted", ghost);
        eventually(() -> !there("haunted"));
    }

    @Test
    void orphansStay() {
        Answer owner = make("leaving");
        make("orphan", owner);
        delete(configMaps() + "/leaving?propagationPolicy=Orphan");
        eventually(() -> !there("leaving"));
        assertThat(there("orphan")).isTrue();
        assertThat(get(configMaps() + "/orphan").body().path("metadata").has("ownerReferences"))
                .isFalse();
    }

    @Test
    void inTheForegroundTheOwnerGoesLast() throws InterruptedException {
        Answer owner = make("last");
        make("held", owner);
        patch(configMaps() + "/held", "merge-patch+json", "{'metadata': {'finalizers': ['contract.dev/hold']}}");
        delete(configMaps() + "/last?propagationPolicy=Foreground");
        eventually(() -> !get(configMaps() + "/held")
                .text("metadata", "deletionTimestamp")
                .isEmpty());
        Thread.sleep(Duration.ofMillis(300));
        assertThat(there("last")).isTrue();
        patch(configMaps() + "/held", "merge-patch+json", "{'metadata': {'finalizers': null}}");
        eventually(() -> !there("held") && !there("last"));
    }

    @Test
    void aNamespaceGoesWithItsContents() {
        String name = unique("going");
        post("/api/v1/namespaces", object("v1", "Namespace", name));
        assertThat(get("/api/v1/namespaces/" + name).text("metadata", "labels", "kubernetes.io/metadata.name"))
                .isEqualTo(name);
        String maps = "/api/v1/namespaces/" + name + "/configmaps";
        ObjectNode held = object("v1", "ConfigMap", "held");
        held.withObjectProperty("metadata").putArray("finalizers").add("contract.dev/hold");
        post(maps, held);
        post(maps, object("v1", "ConfigMap", "free"));
        delete("/api/v1/namespaces/" + name);
        eventually(() -> get(maps + "/free").code() == 404);
        assertThat(get("/api/v1/namespaces/" + name).text("status", "phase")).isEqualTo("Terminating");
        Answer late = post(maps, object("v1", "ConfigMap", "late"));
        assertThat(late.code()).isEqualTo(403);
        assertThat(late.text("message")).contains("because it is being terminated");
        patch(maps + "/held", "merge-patch+json", "{'metadata': {'finalizers': null}}");
        eventually(() -> get("/api/v1/namespaces/" + name).code() == 404);
    }
}
