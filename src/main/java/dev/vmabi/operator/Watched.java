package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiPredicate;
import org.jboss.logging.Logger;

/**
 * Watches one kind for as long as it is open, and takes its events one by one: an object that cannot be read is
 * reported and costs the others nothing.
 */
final class Watched<T extends HasMetadata> implements ResourceEventHandler<T>, AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Watched.class);

    private final SharedIndexInformer<T> informer;
    private final BiPredicate<String, T> changed;
    private final BiPredicate<String, T> gone;
    private final Runnable tell;
    private volatile Set<String> taken = ConcurrentHashMap.newKeySet();
    private volatile boolean complete;

    private Watched(
            SharedIndexInformer<T> informer,
            BiPredicate<String, T> changed,
            BiPredicate<String, T> gone,
            Runnable tell) {
        this.informer = informer;
        this.changed = changed;
        this.gone = gone;
        this.tell = tell;
    }

    /**
     * Starts to watch. Both predicates are given an object with its key, {@code namespace/name} or just the name, and say
     * whether anything changed that a decision can see.
     */
    static <T extends HasMetadata> Watched<T> start(
            SharedIndexInformer<T> informer,
            BiPredicate<String, T> changed,
            BiPredicate<String, T> gone,
            Runnable tell) {
        Watched<T> watched = new Watched<>(informer, changed, gone, tell);
        informer.removeNamespaceIndex();
        informer.addEventHandler(watched);
        informer.exceptionHandler((started, error) -> {
            LOG.warnf("a watch failed and is tried again: %s", error.getMessage());
            return true;
        });
        informer.start();
        return watched;
    }

    /**
     * Whether every object of the first list has been taken. The informer alone cannot tell: it says that it has synced
     * while its handlers are still being told.
     */
    boolean complete() {
        if (!complete
                && informer.hasSynced()
                && taken.containsAll(informer.getStore().listKeys())) {
            complete = true;
            taken = ConcurrentHashMap.newKeySet();
        }
        return complete;
    }

    List<T> objects() {
        return informer.getStore().list();
    }

    @Override
    public void onAdd(T object) {
        take(object, changed);
    }

    @Override
    public void onUpdate(T before, T object) {
        take(object, changed);
    }

    @Override
    public void onDelete(T object, boolean finalStateUnknown) {
        take(object, gone);
    }

    private void take(T object, BiPredicate<String, T> change) {
        String key = informer.getStore().getKey(object);
        boolean visible;
        try {
            visible = change.test(key, object);
        } catch (RuntimeException e) {
            LOG.warnf(
                    "%s %s is left out: %s",
                    object.getKind(), object.getMetadata().getName(), e.getMessage());
            visible = gone.test(key, object);
        }
        if (!complete) {
            taken.add(key);
        }
        if (visible) {
            tell.run();
        }
    }

    @Override
    public void close() {
        informer.close();
    }
}
