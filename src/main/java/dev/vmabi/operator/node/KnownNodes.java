package dev.vmabi.operator.node;

import dev.vmabi.operator.FleetCache;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.client.informers.cache.ItemStore;
import jakarta.enterprise.inject.spi.CDI;
import java.util.stream.Stream;

/**
 * The nodes that the fleet cache watches, for the Operator SDK to look up. Its own watch selects none of them
 * ({@link #NONE}): a second one would have every kubelet's heartbeat, and a node is tens of kilobytes.
 *
 * <p>That a node is being deleted is left out: the Operator SDK 5.3.2 would leave it alone, and what holds it back with a
 * finalizer, as node provisioners do, may hold it past a reboot.
 */
public final class KnownNodes implements ItemStore<Node> {
    /** A label that no node has. */
    public static final String NONE = "vmabi.dev/watched-by-the-operator-sdk";

    @Override
    public String getKey(Node node) {
        return node.getMetadata().getName();
    }

    @Override
    public Node get(String name) {
        return CDI.current()
                .select(FleetCache.class)
                .get()
                .fleet()
                .flatMap(f -> f.node(name))
                .map(n -> new NodeBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .withUid(n.uid())
                        // The SDK logs with it and stumbles where there is none.
                        .withResourceVersion("0")
                        .endMetadata()
                        .build())
                .orElse(null);
    }

    @Override
    public Node put(String name, Node node) {
        return get(name);
    }

    @Override
    public Node remove(String name) {
        return get(name);
    }

    /** None, as of what was listed: the SDK's watch keeps and removes nothing here. */
    @Override
    public Stream<String> keySet() {
        return Stream.empty();
    }

    @Override
    public Stream<Node> values() {
        return Stream.empty();
    }

    @Override
    public int size() {
        return 0;
    }

    @Override
    public boolean isFullState() {
        return false;
    }
}
