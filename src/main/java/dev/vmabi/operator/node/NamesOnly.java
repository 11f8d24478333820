package dev.vmabi.operator.node;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.client.informers.cache.ItemStore;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** Keeps of each node only what names it: image lists and conditions of thousands of nodes would be megabytes. */
public final class NamesOnly implements ItemStore<Node> {
    private final Map<String, Node> nodes = new ConcurrentHashMap<>();

    @Override
    public String getKey(Node node) {
        return node.getMetadata().getName();
    }

    @Override
    public Node put(String key, Node node) {
        return nodes.put(key, named(node));
    }

    private static Node named(Node node) {
        return new NodeBuilder()
                .withNewMetadata()
                .withName(node.getMetadata().getName())
                .withUid(node.getMetadata().getUid())
                .withResourceVersion(node.getMetadata().getResourceVersion())
                .withDeletionTimestamp(node.getMetadata().getDeletionTimestamp())
                .endMetadata()
                .build();
    }

    @Override
    public Node remove(String key) {
        return nodes.remove(key);
    }

    @Override
    public Stream<String> keySet() {
        return nodes.keySet().stream();
    }

    @Override
    public Stream<Node> values() {
        return nodes.values().stream();
    }

    @Override
    public Node get(String key) {
        return nodes.get(key);
    }

    @Override
    public int size() {
        return nodes.size();
    }

    @Override
    public boolean isFullState() {
        return false;
    }
}
