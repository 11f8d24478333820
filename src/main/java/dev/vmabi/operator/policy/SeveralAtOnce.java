package dev.vmabi.operator.policy;

import io.fabric8.kubernetes.client.KubernetesClientException;
import io.opentelemetry.context.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Writes many objects, {@value #AT_ONCE} at one time. */
final class SeveralAtOnce {
    private static final int AT_ONCE = 16;

    private SeveralAtOnce() {}

    /** @throws KubernetesClientException if one could not be written; the others are */
    static <T> void write(List<T> objects, Consumer<T> write) {
        List<Future<?>> written = new ArrayList<>();
        try (ExecutorService workers =
                Executors.newFixedThreadPool(AT_ONCE, Thread.ofVirtual().factory())) {
            objects.forEach(o -> written.add(workers.submit(Context.current().wrap(() -> write.accept(o)))));
        }
        for (Future<?> one : written) {
            try {
                one.get();
            } catch (ExecutionException e) {
                throw new KubernetesClientException(
                        "an object could not be written: " + e.getCause().getMessage(), e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new KubernetesClientException("interrupted while objects were written", e);
            }
        }
    }
}
