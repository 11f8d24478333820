package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.javaoperatorsdk.operator.processing.event.source.filter.OnUpdateFilter;
import java.util.Objects;

/**
 * Takes an update for something new where the spec is another, or the whole object is: a watch that begins anew does not tell
 * that one was deleted and made again meanwhile. The Operator SDK's own filter (5.3.2) goes by a generation that is higher than
 * the last, which that of a new object is not.
 */
public final class NewSpec implements OnUpdateFilter<HasMetadata> {

    @Override
    public boolean accept(HasMetadata now, HasMetadata before) {
        ObjectMeta is = now.getMetadata();
        ObjectMeta was = before.getMetadata();
        return !is.getUid().equals(was.getUid()) || !Objects.equals(is.getGeneration(), was.getGeneration());
    }
}
