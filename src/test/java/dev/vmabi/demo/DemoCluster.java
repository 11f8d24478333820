package dev.vmabi.demo;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfiguration;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Puts into an empty API server what an installation brings: definitions, namespaces and the gate's webhooks. */
public final class DemoCluster {
    private static final Path CRDS = Path.of("crds");
    private static final Path KUBEVIRT_CRDS = Path.of("src/test/resources/kubevirt/crds.yaml");
    private static final Path WEBHOOKS = Path.of("src/main/resources/dev/vmabi/gate/webhooks.yaml");

    private final KubernetesClient client;

    public DemoCluster(KubernetesClient client) {
        this.client = client;
    }

    /** Applies the project's and KubeVirt's definitions and waits until they are served. */
    public void install() {
        installOwn();
        installKubeVirt();
    }

    /** Applies the project's definitions alone. */
    public void installOwn() {
        for (String namespace : List.of("vmabi-system", "kubevirt")) {
            client.resource(new NamespaceBuilder()
                            .withNewMetadata()
                            .withName(namespace)
                            .endMetadata()
                            .build())
                    .serverSideApply();
        }
        try (Stream<Path> files = Files.list(CRDS)) {
            files.sorted().forEach(this::apply);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        awaitDefinitions();
    }

    /** Applies KubeVirt's definitions alone, cut to what is used here. */
    public void installKubeVirt() {
        apply(KUBEVIRT_CRDS);
        awaitDefinitions();
    }

    private void awaitDefinitions() {
        client.apiextensions()
                .v1()
                .customResourceDefinitions()
                .list()
                .getItems()
                .forEach(
                        crd -> client.resource(crd).waitUntilCondition(DemoCluster::established, 30, TimeUnit.SECONDS));
    }

    /** Registers the gate that serves on this loopback port. */
    public void gate(int port) {
        load(WEBHOOKS).stream().map(MutatingWebhookConfiguration.class::cast).forEach(configuration -> {
            configuration.getWebhooks().forEach(webhook -> {
                String path = webhook.getClientConfig().getService().getPath();
                webhook.getClientConfig().setService(null);
                webhook.getClientConfig().setUrl("https://127.0.0.1:" + port + path);
            });
            client.resource(configuration).create();
        });
    }

    private void apply(Path file) {
        load(file).forEach(o -> client.resource(o).serverSideApply());
    }

    private List<HasMetadata> load(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return client.load(in).items();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean established(CustomResourceDefinition crd) {
        return crd != null
                && crd.getStatus() != null
                && crd.getStatus().getConditions().stream()
                        .anyMatch(c -> c.getType().equals("Established")
                                && c.getStatus().equals("True"));
    }
}
