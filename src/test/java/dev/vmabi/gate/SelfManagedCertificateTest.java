package dev.vmabi.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfiguration;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificates on an API server: who writes, who follows, and what the API server is told to trust. */
class SelfManagedCertificateTest {
    private static final String NAMESPACE = "vmabi-system";
    private static final String SECRET = "vmabi-gate-tls";
    private static final List<String> HOSTS = List.of("vmabi-gate.vmabi-system.svc");
    private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");

    private static ApiServer server;
    private static KubernetesClient client;

    @BeforeAll
    static void start() {
        server = ApiServers.start();
        client = server.client();
        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName(NAMESPACE)
                        .endMetadata()
                        .build())
                .create();
    }

    @AfterAll
    static void stop() {
        client.close();
        server.close();
    }

    @BeforeEach
    void empty() {
        client.secrets().inNamespace(NAMESPACE).withName(SECRET).delete();
        client.admissionRegistration()
                .v1()
                .mutatingWebhookConfigurations()
                .withName("vmabi-gate")
                .delete();
    }

    private static SelfManagedCertificate replica(ServingKeys keys, Instant now) {
        return new SelfManagedCertificate(
                client, NAMESPACE, SECRET, "vmabi-gate", HOSTS, keys, Clock.fixed(now, ZoneOffset.UTC));
    }

    private static Secret secret() {
        return client.secrets().inNamespace(NAMESPACE).withName(SECRET).get();
    }

    private static MutatingWebhookConfiguration configuration() {
        return client.admissionRegistration()
                .v1()
                .mutatingWebhookConfigurations()
                .withName("vmabi-gate")
                .get();
    }

    private static void install() throws Exception {
        try (InputStream in = Gate.class.getResourceAsStream("webhooks.yaml")) {
            client.load(in).create();
        }
    }

    private static String serial(ServingKeys keys) {
        return keys.getCertificateChain("gate")[0].getSerialNumber().toString(16);
    }

    @Test
    void replicasThatStartAtOnceShareOneCertificate() throws Exception {
        try (ExecutorService replicas = Executors.newFixedThreadPool(4)) {
            List<Callable<String>> starts = IntStream.range(0, 8)
                    .<Callable<String>>mapToObj(i -> () -> {
                        ServingKeys keys = new ServingKeys();
                        replica(keys, NOW).ensure();
                        return serial(keys);
                    })
                    .toList();
            List<String> serials = new ArrayList<>();
            for (Future<String> start : replicas.invokeAll(starts)) {
                serials.add(start.get());
            }
            assertThat(serials).hasSize(8).containsOnly(serials.getFirst());
        }
    }

    @Test
    void nothingIsWrittenWhereNothingIsDue() throws Exception {
        install();
        SelfManagedCertificate replica = replica(new ServingKeys(), NOW);
        replica.ensure();
        String secret = secret().getMetadata().getResourceVersion();
        String configuration = configuration().getMetadata().getResourceVersion();
        replica.ensure();
        replica(new ServingKeys(), NOW.plus(Duration.ofDays(10))).ensure();
        assertThat(secret().getMetadata().getResourceVersion()).isEqualTo(secret);
        assertThat(configuration().getMetadata().getResourceVersion()).isEqualTo(configuration);
    }

    @Test
    void everyWebhookTrustsTheAuthorityAndKeepsItsRest() throws Exception {
        replica(new ServingKeys(), NOW).ensure();
        assertThat(configuration()).as("it does not make what is not installed").isNull();
        install();
        MutatingWebhookConfiguration before = configuration();
        replica(new ServingKeys(), NOW).ensure();
        String authority = secret().getData().get("ca.crt");
        assertThat(configuration().getWebhooks())
                .hasSameSizeAs(before.getWebhooks())
                .isNotEmpty()
                .allSatisfy(w -> assertThat(w.getClientConfig().getCaBundle()).isEqualTo(authority));
        MutatingWebhookConfiguration after = configuration();
        after.getWebhooks().forEach(w -> w.getClientConfig().setCaBundle(null));
        assertThat(after.getWebhooks()).isEqualTo(before.getWebhooks());
    }

    @Test
    void aReplicaFollowsWhatAnotherRenewed() throws Exception {
        ServingKeys keys = new ServingKeys();
        SelfManagedCertificate replica = replica(keys, NOW);
        replica.ensure();
        String first = serial(keys);
        ServingKeys others = new ServingKeys();
        replica(others, NOW.plus(Duration.ofDays(61))).ensure();
        assertThat(serial(others)).isNotEqualTo(first);
        replica.ensure();
        assertThat(serial(keys)).isEqualTo(serial(others));
    }

    @Test
    void aDeletedSecretIsWrittenAgainWithTheSameCertificate() throws Exception {
        ServingKeys keys = new ServingKeys();
        SelfManagedCertificate replica = replica(keys, NOW);
        replica.ensure();
        String authority = secret().getData().get("ca.crt");
        client.resource(secret()).delete();
        replica.ensure();
        assertThat(secret().getData()).containsEntry("ca.crt", authority);
    }

    @Test
    void aSecretOfGarbageIsReplaced() throws Exception {
        client.resource(new SecretBuilder()
                        .withNewMetadata()
                        .withNamespace(NAMESPACE)
                        .withName(SECRET)
                        .endMetadata()
                        .withType("kubernetes.io/tls")
                        .addToData("tls.crt", base64("garbage"))
                        .addToData("tls.key", base64("garbage"))
                        .build())
                .create();
        ServingKeys keys = new ServingKeys();
        replica(keys, NOW).ensure();
        assertThat(keys.present()).isTrue();
        assertThat(secret().getData()).containsKeys("ca.crt", "ca.key");
    }

    @Test
    void filesThatOthersKeepAreReadAgain(@TempDir Path directory) throws Exception {
        Path chain = directory.resolve("tls.crt");
        Path key = directory.resolve("tls.key");
        IssuedCertificate first = write(chain, key);
        ServingKeys keys = new ServingKeys();
        MountedCertificate mounted = new MountedCertificate(chain, key, keys);
        mounted.ensure();
        assertThat(keys.getCertificateChain("gate")).containsExactly(first.certificate());

        Files.writeString(chain, "half written");
        assertThatThrownBy(mounted::ensure).isInstanceOf(GeneralSecurityException.class);
        assertThat(keys.getCertificateChain("gate")).as("the one before stays").containsExactly(first.certificate());

        IssuedCertificate second = write(chain, key);
        mounted.ensure();
        assertThat(keys.getCertificateChain("gate")).containsExactly(second.certificate());
    }

    private static IssuedCertificate write(Path chain, Path key) throws Exception {
        IssuedCertificate issued = IssuedCertificate.first(HOSTS, NOW);
        Files.writeString(chain, Pem.of(List.of(issued.certificate())));
        Files.writeString(key, Pem.of(issued.key()));
        return issued;
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.US_ASCII));
    }
}
