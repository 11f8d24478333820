package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.informers.cache.ItemStore;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Keeps of each object only what names it. {@link FleetCache} keeps what decisions need; the image lists of thousands of
 * nodes and the disks of tens of thousands of VMs would be gigabytes.
 */
public class NamesOnly<T extends HasMetadata> implements ItemStore<T> {

    private record Named(String namespace, String name, String uid, String resourceVersion, String deletionTimestamp) {}

    private final Map<String, Named> objects = new ConcurrentHashMap<>();
    private final Supplier<T> empty;

    /** @param empty makes an object without metadata */
    public NamesOnly(Supplier<T> empty) {
        this.empty = empty;
    }

    @Override
    public String getKey(T object) {
        String namespace = object.getMetadata().getNamespace();
        String name = object.getMetadata().getName();
        return namespace == null ? name : namespace + "/" + name;
    }

    @Override
    public T put(String key, T object) {
        return object(objects.put(
                key,
                new Named(
                        object.getMetadata().getNamespace(),
                        object.getMetadata().getName(),
                        object.getMetadata().getUid(),
                        object.getMetadata().getResourceVersion(),
                        object.getMetadata().getDeletionTimestamp())));
    }

    private T object(Named named) {
        if (named == null) {
            return null;
        }
        T object = empty.get();
        object.setMetadata(new ObjectMetaBuilder()
                .withNamespace(named.namespace())
                .withName(named.name())
                .withUid(named.uid())
                .withResourceVersion(named.resourceVersion())
                .withDeletionTimestamp(named.deletionTimestamp())
                .build());
        return object;
    }

    @Override
    public T remove(String key) {
        return object(objects.remove(key));
    }

    @Override
    public Stream<String> keySet() {
        return objects.keySet().stream();
    }

    @Override
    public Stream<T> values() {
        return objects.values().stream().map(this::object);
    }

    @Override
    public T get(String key) {
        return object(objects.get(key));
    }

    @Override
    public int size() {
        return objects.size();
    }

    @Override
    public boolean isFullState() {
        return false;
    }
}
