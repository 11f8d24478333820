package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class NamesOnlyTest {
    private final NamesOnly<Node> nodes = new NamesOnly<>(Node::new);
    private final NamesOnly<Pod> pods = new NamesOnly<>(Pod::new);

    @Test
    void whatNamesAnObjectAndTellsWhetherItChangedIsKept() {
        assertThat(put(nodes, node("n1", "7", "2026-01-01T00:00:00Z"))).isNull();
        Node kept = nodes.get("n1");
        assertThat(kept.getMetadata().getName()).isEqualTo("n1");
        assertThat(kept.getMetadata().getNamespace()).isNull();
        assertThat(kept.getMetadata().getResourceVersion()).isEqualTo("7");
        assertThat(kept.getMetadata().getDeletionTimestamp()).isEqualTo("2026-01-01T00:00:00Z");
        assertThat(kept.getMetadata().getLabels()).isEmpty();
        assertThat(put(nodes, node("n1", "8", null)).getMetadata().getResourceVersion())
                .as("the one before")
                .isEqualTo("7");
        assertThat(nodes.remove("n1").getMetadata().getResourceVersion()).isEqualTo("8");
        assertThat(nodes.get("n1")).isNull();
        assertThat(nodes.remove("n1")).isNull();
    }

    @Test
    void objectsOfNamespacesAreToldApart() {
        Stream.of("shop", "bank").map(NamesOnlyTest::pod).forEach(p -> put(pods, p));
        assertThat(pods.keySet()).containsExactlyInAnyOrder("shop/db", "bank/db");
        assertThat(pods.values().map(p -> p.getMetadata().getNamespace())).containsExactlyInAnyOrder("shop", "bank");
        assertThat(pods.values().map(pods::getKey)).containsExactlyInAnyOrder("shop/db", "bank/db");
        assertThat(pods.size()).isEqualTo(2);
    }

    @Test
    void aKeyIsOneStringForAsLongAsTheObjectIsThere() {
        String first = pods.getKey(pod("shop"));
        pods.put(first, pod("shop"));
        assertThat(pods.getKey(pod("shop"))).isSameAs(first);
        put(pods, pod("shop"));
        assertThat(pods.getKey(pod("shop"))).isSameAs(first);
        assertThat(pods.keySet().findFirst().orElseThrow()).isSameAs(first);
        Pod _ = pods.remove(first);
        assertThat(pods.getKey(pod("shop"))).isEqualTo(first).isNotSameAs(first);
    }

    private static <T extends HasMetadata> T put(NamesOnly<T> store, T object) {
        return store.put(store.getKey(object), object);
    }

    private static Node node(String name, String version, String deleted) {
        return new NodeBuilder()
                .withNewMetadata()
                .withName(name)
                .withUid("u")
                .addToLabels("a", "b")
                .withResourceVersion(version)
                .withDeletionTimestamp(deleted)
                .endMetadata()
                .build();
    }

    private static Pod pod(String namespace) {
        return new PodBuilder()
                .withNewMetadata()
                .withNamespace(namespace)
                .withName("db")
                .withResourceVersion("1")
                .endMetadata()
                .build();
    }
}
