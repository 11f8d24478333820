package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import java.util.function.Predicate;
import org.jboss.logging.Logger;

/** Takes watch events one by one: an object that cannot be read is reported and costs the others nothing. */
final class GuardedHandler<T extends HasMetadata> implements ResourceEventHandler<T> {
    private static final Logger LOG = Logger.getLogger(GuardedHandler.class);

    private final Predicate<T> changed;
    private final Predicate<T> gone;
    private final Runnable tell;

    /** Both predicates say whether anything changed that a decision can see. */
    GuardedHandler(Predicate<T> changed, Predicate<T> gone, Runnable tell) {
        this.changed = changed;
        this.gone = gone;
        this.tell = tell;
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

    private void take(T object, Predicate<T> change) {
        boolean visible;
        try {
            visible = change.test(object);
        } catch (RuntimeException e) {
            LOG.warnf(
                    "%s %s is left out: %s",
                    object.getKind(), object.getMetadata().getName(), e.getMessage());
            visible = gone.test(object);
        }
        if (visible) {
            tell.run();
        }
    }
}
