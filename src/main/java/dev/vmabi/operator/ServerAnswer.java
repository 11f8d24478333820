package dev.vmabi.operator;

import io.fabric8.kubernetes.client.KubernetesClientException;
import io.vertx.core.VertxException;
import java.io.IOException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/** What an API server said to a request that failed, or how it did not answer. */
final class ServerAnswer {
    private ServerAnswer() {}

    /** In one line for people; empty if something else was thrown. */
    static Optional<String> in(Throwable thrown) {
        for (Throwable t = thrown; t != null; t = t.getCause()) {
            if (t instanceof KubernetesClientException e
                    && e.getStatus() != null
                    && e.getStatus().getMessage() != null) {
                return Optional.of(e.getStatus().getMessage());
            }
            if (t instanceof KubernetesClientException
                    || t instanceof IOException
                    || t instanceof TimeoutException
                    || t instanceof VertxException) {
                return Optional.of(
                        Objects.requireNonNullElse(t.getMessage(), t.getClass().getSimpleName()));
            }
        }
        return Optional.empty();
    }
}
