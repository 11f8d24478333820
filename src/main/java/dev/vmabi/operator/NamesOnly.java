package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.client.informers.cache.ItemStore;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Keeps of each object only what names it. {@link FleetCache} keeps what decisions need; the image lists of thousands of
 * nodes and the disks of tens of thousands of VMs would be gigabytes.
 */
final class NamesOnly<T extends HasMetadata> implements ItemStore<T> {

    /** Its namespace and name are in its key. */
    private record Named(String key, long resourceVersion, String deletionTimestamp) {}

    private final Map<String, Named> objects = new ConcurrentHashMap<>();
    private final Supplier<T> empty;

    /** @param empty makes an object without metadata */
    NamesOnly(Supplier<T> empty) {
        this.empty = empty;
    }

    /** The key as it is kept, where it is: whoever keeps it too need not have one of his own. */
    @Override
    public String getKey(T object) {
        String namespace = object.getMetadata().getNamespace();
        String name = object.getMetadata().getName();
        String key = namespace == null ? name : namespace + "/" + name;
        Named named = objects.get(key);
        return named == null ? key : named.key();
    }

    @Override
    public T put(String key, T object) {
        ObjectMeta metadata = object.getMetadata();
        Named now = new Named(key, Long.parseLong(metadata.getResourceVersion()), metadata.getDeletionTimestamp());
        return object(objects.put(key, now));
    }

    private T object(Named named) {
        if (named == null) {
            return null;
        }
        int slash = named.key().indexOf('/');
        ObjectMeta metadata = new ObjectMeta();
        metadata.setNamespace(slash < 0 ? null : named.key().substring(0, slash));
        metadata.setName(named.key().substring(slash + 1));
        metadata.setResourceVersion(String.valueOf(named.resourceVersion()));
        metadata.setDeletionTimestamp(named.deletionTimestamp());
        T object = empty.get();
        object.setMetadata(metadata);
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
