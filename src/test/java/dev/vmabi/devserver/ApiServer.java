package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Set;

/**
 * A Kubernetes API server on loopback that lives as long as this object. Everybody it knows may do everything, unless it
 * was started with RBAC.
 */
public interface ApiServer extends AutoCloseable {
    /** Milliseconds: on a machine that is busy with other things a connection and an answer can take many seconds. */
    int PATIENCE = 60_000;

    /** {@code https://127.0.0.1:<port>}. */
    URI url();

    /** The certificate authority of its serving certificate, PEM. */
    String caCertificate();

    /** A bearer token under which the server knows {@code user}; the same one for the same user. */
    String token(User user);

    /** Where kubeconfigs are written; goes with the server. */
    Path directory();

    /** Every kind of access since the start; a real server notes them only with RBAC. */
    Set<Access> accesses();

    /** Whether RBAC decides who may do what. */
    default boolean authorizes() {
        return false;
    }

    /** One line: what is running, and what it does not show. */
    String describe();

    @Override
    void close();

    default KubernetesClient client() {
        return client(User.ADMIN);
    }

    /** A client that is patient: the machine may be busy with the very thing under test. */
    default KubernetesClient client(User user) {
        Config config = Config.fromKubeconfig(kubeconfigText(user));
        config.setConnectionTimeout(PATIENCE);
        config.setRequestTimeout(PATIENCE);
        return new KubernetesClientBuilder().withConfig(config).build();
    }

    default Path kubeconfig() {
        return kubeconfig(User.ADMIN);
    }

    /** A kubeconfig file for {@code user}. */
    default Path kubeconfig(User user) {
        Path file = directory().resolve("kubeconfig-" + Integer.toHexString(user.hashCode()));
        try {
            return Files.writeString(file, kubeconfigText(user));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String kubeconfigText(User user) {
        ObjectNode config =
                Json.object().put("apiVersion", "v1").put("kind", "Config").put("current-context", "dev");
        ObjectNode cluster = named(config.putArray("clusters"), "dev").putObject("cluster");
        cluster.put("server", url().toString())
                .put(
                        "certificate-authority-data",
                        Base64.getEncoder().encodeToString(caCertificate().getBytes(StandardCharsets.UTF_8)));
        named(config.putArray("users"), user.name()).putObject("user").put("token", token(user));
        named(config.putArray("contexts"), "dev")
                .putObject("context")
                .put("cluster", "dev")
                .put("user", user.name())
                .put("namespace", "default");
        return config.toPrettyString();
    }

    private static ObjectNode named(ArrayNode list, String name) {
        return list.addObject().put("name", name);
    }
}
