package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the embedded server has for tests beyond what a real one can do. */
class DevServerTest {
    private final DevServer server = DevServer.start();

    @AfterEach
    void stop() {
        server.close();
    }

    private static ConfigMap map(String name) {
        return new ConfigMapBuilder()
                .withNewMetadata()
                .withName(name)
                .endMetadata()
                .build();
    }

    @Test
    void itRemembersWhoAskedForWhat() {
        User agent = User.serviceAccount("vmabi-system", "agent");
        try (KubernetesClient client = server.client(agent)) {
            client.nodes().list();
            assertThat(client.pods().inNamespace("default").withName("none").get())
                    .isNull();
        }
        assertThat(server.accesses())
                .contains(
                        new Access("system:serviceaccount:vmabi-system:agent", "list", "", "nodes"),
                        new Access("system:serviceaccount:vmabi-system:agent", "get", "", "pods"));
    }

    @Test
    void pausedItIsUnavailableAndThenAsBefore() {
        Config config = new ConfigBuilder(
                        Config.fromKubeconfig(server.kubeconfig().toFile()))
                .withRequestRetryBackoffLimit(0)
                .build();
        try (KubernetesClient client =
                new KubernetesClientBuilder().withConfig(config).build()) {
            client.resource(map("kept")).create();
            server.pause();
            assertThatThrownBy(() -> client.configMaps().list())
                    .isInstanceOfSatisfying(
                            KubernetesClientException.class,
                            e -> assertThat(e.getCode()).isEqualTo(503));
            server.resume();
            assertThat(client.configMaps().withName("kept").get()).isNotNull();
        }
    }

    @Test
    void informersComeBackAfterAnOutageAndALostPast() {
        try (KubernetesClient client = server.client();
                SharedIndexInformer<ConfigMap> informer =
                        client.configMaps().inNamespace("default").inform()) {
            client.resource(map("before")).create();
            await(() -> informer.getStore().list().size() == 1);
            server.pause();
            server.resume();
            client.resource(map("meanwhile")).create();
            server.compact();
            await(() -> informer.getStore().list().size() == 2);
            server.closeWatches();
            client.resource(map("after")).create();
            await(() -> informer.getStore().list().size() == 3);
        }
    }

    @Test
    void whatIsForgottenCannotBeResumedButRunningWatchesGoOn() throws Exception {
        try (KubernetesClient client = server.client();
                HttpClient http = HttpClient.newBuilder()
                        .sslContext(
                                CertificateAuthority.clientContext(CertificateAuthority.parse(server.caCertificate())))
                        .build()) {
            client.resource(map("first")).create();
            String version = client.configMaps().list().getMetadata().getResourceVersion();
            String path = "/api/v1/configmaps?watch=1&timeoutSeconds=3&resourceVersion=" + version;
            HttpRequest watch = HttpRequest.newBuilder(URI.create(server.url() + path))
                    .header("Authorization", "Bearer " + server.token(User.ADMIN))
                    .build();
            HttpResponse<InputStream> running = http.send(watch, HttpResponse.BodyHandlers.ofInputStream());
            server.compact();
            client.resource(map("second")).create();
            try (InputStream events = running.body()) {
                assertThat(new String(events.readAllBytes(), StandardCharsets.UTF_8))
                        .contains("\"ADDED\"", "\"second\"");
            }
            assertThat(http.send(watch, HttpResponse.BodyHandlers.ofString()).body())
                    .contains("\"ERROR\"", "\"code\":410");
        }
    }

    private static void await(java.util.concurrent.Callable<Boolean> condition) {
        Awaitility.await().atMost(Duration.ofSeconds(60)).until(condition);
    }
}
