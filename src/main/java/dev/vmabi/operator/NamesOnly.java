package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
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

    /** Its namespace and name are in its key. */
    private record Named(String uid, long resourceVersion, String deletionTimestamp) {
        static Named of(ObjectMeta metadata) {
            return new Named(
                    metadata.getUid(), Long.parseLong(metadata.getResourceVersion()), metadata.getDeletionTimestamp());
        }
    }

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
        return object(key, objects.put(key, Named.of(object.getMetadata())));
    }

    private T object(String key, Named named) {
        if (named == null) {
            return null;
        }
        int slash = key.indexOf('/');
        T object = empty.get();
        object.setMetadata(new ObjectMetaBuilder()
                .withNamespace(slash < 0 ? null : key.substring(0, slash))
                .withName(key.substring(slash + 1))
                .withUid(named.uid())
                .withResourceVersion(String.valueOf(named.resourceVersion()))
                .withDeletionTimestamp(named.deletionTimestamp())
                .build());
        return object;
    }

    @Override
    public T remove(String key) {
        return object(key, objects.remove(key));
    }

    @Override
    public Stream<String> keySet() {
        return objects.keySet().stream();
    }

    @Override
    public Stream<T> values() {
        return objects.entrySet().stream().map(o -> object(o.getKey(), o.getValue()));
    }

    @Override
    public T get(String key) {
        return object(key, objects.get(key));
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
