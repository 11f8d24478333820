package dev.vmabi.gate;

import static dev.vmabi.gate.TestFleet.N;
import static dev.vmabi.gate.TestFleet.N1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.RecentDecisions;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfiguration;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.http.HttpResponse;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The webhooks as they are installed: an API server calls them, and does what it does with their answers. */
class GateOnApiServerTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> HOSTS = List.of("127.0.0.1");

    private static final SimpleMeterRegistry METERS = new SimpleMeterRegistry();
    private static final ServingKeys KEYS = new ServingKeys();
    private static ApiServer server;
    private static KubernetesClient admin;
    private static AdmissionServer gate;

    @BeforeAll
    static void start() throws Exception {
        server = ApiServers.start();
        admin = server.client();
        load(GateOnApiServerTest.class.getResourceAsStream("/kubevirt/crds.yaml"));
        for (String namespace : List.of("tenant-a", "vmabi-system")) {
            admin.resource(new NamespaceBuilder()
                            .withNewMetadata()
                            .withName(namespace)
                            .endMetadata()
                            .build())
                    .create();
        }
        Fleet fleet = TestFleet.rolling().build();
        certificate(Clock.systemUTC()).ensure();
        gate = new AdmissionServer(
                0, KEYS, new Admissions(() -> Optional.of(fleet), METERS, new RecentDecisions())::answer);
        install(gate.port());
        certificate(Clock.systemUTC()).ensure();
        Awaitility.await("the API server calls the gate")
                .atMost(Duration.ofSeconds(30))
                .until(() -> create("pod-first-boot").getMetadata().getManagedFields() != null && calls("pod") > 0);
    }

    @AfterAll
    static void stop() {
        gate.close();
        admin.close();
        server.close();
    }

    private static SelfManagedCertificate certificate(Clock clock) {
        return new SelfManagedCertificate(admin, "vmabi-system", "vmabi-gate-tls", "vmabi-gate", HOSTS, KEYS, clock);
    }

    private static void load(InputStream yaml) throws IOException {
        try (yaml) {
            admin.load(yaml).create();
        }
    }

    /** As the chart installs them, but for where they are. */
    private static void install(int port) throws IOException {
        try (InputStream yaml = Gate.class.getResourceAsStream("webhooks.yaml")) {
            MutatingWebhookConfiguration configuration =
                    Serialization.unmarshal(yaml, MutatingWebhookConfiguration.class);
            configuration.getWebhooks().forEach(w -> {
                String path = w.getClientConfig().getService().getPath();
                w.getClientConfig().setService(null);
                w.getClientConfig().setUrl("https://127.0.0.1:" + port + path);
            });
            admin.resource(configuration).create();
        }
    }

    /** Creates the object of a recorded review as the user who asked. */
    private static GenericKubernetesResource create(String fixture) {
        try (InputStream in = GateOnApiServerTest.class.getResourceAsStream("/gate/" + fixture + ".json")) {
            JsonNode request = JSON.readTree(in).path("request");
            GenericKubernetesResource object =
                    JSON.treeToValue(request.path("object"), GenericKubernetesResource.class);
            if (object.getMetadata().getName() != null) {
                object.getMetadata().setGenerateName(object.getMetadata().getName() + "-");
                object.getMetadata().setName(null);
            }
            String[] groups = JSON.convertValue(request.path("userInfo").path("groups"), String[].class);
            try (KubernetesClient requester = server.client(
                    new User(request.path("userInfo").path("username").asText(), groups))) {
                return requester.resource(object).create();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static double calls(String hook) {
        return METERS.find("vmabi.admissions").tag("hook", hook).counters().stream()
                .mapToDouble(Counter::count)
                .sum();
    }

    private static Map<String, String> selector(GenericKubernetesResource object, String field) {
        return Objects.requireNonNullElse(object.get("spec", field), Map.of());
    }

    private static String label(String host) {
        return Names.nodeLabel(TestFleet.born(host).digest());
    }

    @Test
    void migrationsAndPodsAreSteered() {
        assertThat(selector(create("migration-virtctl"), "addedNodeSelector"))
                .containsOnlyKeys("kubernetes.io/hostname", label(N));
        assertThat(selector(create("migration-evacuation"), "addedNodeSelector"))
                .containsOnlyKeys(label(N1));
        assertThat(selector(create("pod-first-boot"), "nodeSelector"))
                .containsEntry("pool", "a")
                .containsEntry(label(N), "true");
        assertThat(selector(create("pod-target"), "nodeSelector")).containsEntry(label(N), "true");
        assertThat(selector(create("pod-opt-in"), "nodeSelector")).containsOnlyKeys(label(N));
    }

    @Test
    void denialsReachWhoAsked() {
        for (String fixture : List.of(
                "migration-person",
                "migration-person-v1alpha3",
                "migration-person-poses-as-evacuation",
                "pod-target-nowhere")) {
            String hook = fixture.startsWith("pod") ? "target" : "migration";
            assertThatThrownBy(() -> create(fixture))
                    .as(fixture)
                    .isInstanceOfSatisfying(KubernetesClientException.class, e -> {
                        assertThat(e.getCode()).isEqualTo(403);
                        assertThat(e.getStatus().getMessage())
                                .contains("admission webhook \"" + hook + ".gate.vmabi.dev\" denied the request: VM "
                                        + "tenant-a/vm-new (guest ABI ");
                        assertThat(e.getStatus().getDetails() == null
                                        || e.getStatus().getDetails().getRetryAfterSeconds() == null)
                                .isTrue();
                    });
        }
    }

    @Test
    void podsThatAreNoVmsAreNotSeen() {
        double before = calls("pod");
        for (String fixture : List.of("pod-no-vm", "pod-hotplug", "pod-volume-binder", "pod-amd64-target")) {
            GenericKubernetesResource created = create(fixture);
            assertThat(selector(created, "nodeSelector").keySet())
                    .as(fixture)
                    .noneMatch(k -> k.startsWith(Names.NODE_LABEL_PREFIX));
        }
        assertThat(calls("pod")).isEqualTo(before);
    }

    @Test
    void withTheGateDownOnlyTargetsAreHeld() throws Exception {
        int port = gate.port();
        gate.close();
        try {
            assertThatThrownBy(() -> create("pod-target"))
                    .isInstanceOfSatisfying(
                            KubernetesClientException.class,
                            e -> assertThat(e.getCode()).isEqualTo(500));
            assertOpen();
        } finally {
            restart(port);
        }
        assertThat(selector(create("pod-target"), "nodeSelector")).containsKey(label(N));
    }

    @Test
    void withAnExpiredCertificateOnlyTargetsAreHeld() throws Exception {
        int port = gate.port();
        gate.close();
        IssuedCertificate expired = IssuedCertificate.first(HOSTS, Instant.now().minus(Duration.ofDays(100)));
        KEYS.use(List.of(expired.certificate()), expired.key());
        restart(port);
        assertThatThrownBy(() -> create("pod-target")).isInstanceOf(KubernetesClientException.class);
        assertOpen();
        gate.close();
        certificate(Clock.systemUTC()).ensure();
        restart(port);
        assertThat(selector(create("pod-target"), "nodeSelector")).containsKey(label(N));
    }

    private static void assertOpen() {
        for (String fixture : List.of("pod-first-boot", "pod-opt-in", "migration-person", "pod-no-vm")) {
            assertThat(selector(create(fixture), "nodeSelector").keySet())
                    .as(fixture)
                    .noneMatch(k -> k.startsWith(Names.NODE_LABEL_PREFIX));
        }
    }

    private static void restart(int port) throws IOException {
        Fleet fleet = TestFleet.rolling().build();
        gate = new AdmissionServer(
                port, KEYS, new Admissions(() -> Optional.of(fleet), METERS, new RecentDecisions())::answer);
    }

    @Test
    void aPolicyIsToldWhatItWouldDoAndADryRunChangesNothing() throws Exception {
        load(Files.newInputStream(Path.of("crds/virtualmachineabis.vmabi.dev.yaml")));
        Awaitility.await("the definition is served")
                .atMost(Duration.ofSeconds(30))
                .ignoreExceptions()
                .until(() -> admin.resources(VirtualMachineABI.class).list() != null);
        String policy = """
                {"apiVersion": "vmabi.dev/v1alpha1", "kind": "VirtualMachineABI", "metadata": {"name": "fresh"},
                 "spec": {"nodeSelector": {"matchLabels": {"pool": "a"}}, "enforcement": "Audit",
                          "baseline": {"require": ["%s"]}}}
                """;
        HttpResponse<String> dry = post(policy.formatted("FEAT_AES"));
        assertThat(dry.code()).as(dry.bodyString()).isEqualTo(201);
        assertThat(String.join("\n", dry.headers("Warning")))
                .contains("holds ", "held by the older policy pool-a", "enforcement Audit: ");
        assertThat(String.join("\n", post(policy.formatted("FEAT_SVE9")).headers("Warning")))
                .contains("FEAT_SVE9 is not known", "FEAT_SVE2");
        assertThat(admin.resources(VirtualMachineABI.class).withName("fresh").get())
                .isNull();
    }

    /** {@code kubectl create --dry-run=server}, with the headers of the answer. */
    private static HttpResponse<String> post(String policy) {
        return admin.getHttpClient()
                .sendAsync(
                        admin.getHttpClient()
                                .newHttpRequestBuilder()
                                .uri(admin.getMasterUrl() + "apis/vmabi.dev/v1alpha1/virtualmachineabis?dryRun=All")
                                .post("application/json", policy)
                                .build(),
                        String.class)
                .join();
    }
}
