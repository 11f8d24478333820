package dev.vmabi.chart;

import static org.assertj.core.api.Assertions.assertThat;

import com.marcnuri.helm.Helm;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/**
 * The life of a release as docs/install.md tells it, by Helm: install, first policy, upgrade, back, uninstall. Skipped on
 * the embedded API server: Helm keeps its releases in protobuf, which only a real one reads.
 */
@EnabledIfEnvironmentVariable(
        named = "KUBEBUILDER_ASSETS",
        matches = ".+",
        disabledReason = "Helm needs a real API server: set KUBEBUILDER_ASSETS")
class HelmReleaseIT {
    private static final String RELEASE = "vmabi";
    private static final Path POLICY = Path.of("deploy/examples/audit-first.yaml");
    /** A field of the policies' definition that the chart of before does not have. */
    private static final String NEW_FIELD = "impose";

    @TempDir
    Path directory;

    private ApiServer server;
    private KubernetesClient admin;

    @Test
    void aReleaseIsInstalledUpgradedTakenBackAndLeavesWhatItSays() throws Exception {
        try (ApiServer started = ApiServers.start();
                KubernetesClient client = started.client()) {
            server = started;
            admin = client;
            Path before = chartOfBefore();
            Path now = Chart.DIRECTORY;

            new Helm(before)
                    .install()
                    .withName(RELEASE)
                    .withNamespace(Chart.NAMESPACE)
                    .createNamespace()
                    .withKubeConfig(server.kubeconfig())
                    .call();
            assertThat(missing()).isEmpty();
            assertThat(hasNewField()).isFalse();
            Awaitility.await("the first policy is taken")
                    .atMost(Duration.ofSeconds(30))
                    .ignoreExceptions()
                    .until(() -> !load(Files.readString(POLICY)).stream()
                            .map(o -> admin.resource(o).serverSideApply())
                            .toList()
                            .isEmpty());
            Object policy = policy().getSpec();

            upgrade(now);
            assertThat(missing()).isEmpty();
            assertThat(hasNewField())
                    .as("the upgrade brings the new definitions")
                    .isTrue();

            back(before);
            assertThat(missing()).isEmpty();
            assertThat(hasNewField()).isFalse();
            assertThat(policy().getSpec()).isEqualTo(policy);

            upgrade(now);
            Helm.uninstall(RELEASE)
                    .withNamespace(Chart.NAMESPACE)
                    .withKubeConfig(server.kubeconfig())
                    .call();
            assertThat(chart().filter(isDefinition().negate()).filter(this::exists))
                    .isEmpty();
            assertThat(admin.secrets().inNamespace(Chart.NAMESPACE).list().getItems())
                    .as("no release is kept either")
                    .isEmpty();
            assertThat(chart().filter(isDefinition()).filter(this::exists)).hasSize(4);
            assertThat(admin.namespaces().withName(Chart.NAMESPACE).get()).isNotNull();
            assertThat(policy().getSpec()).isEqualTo(policy);

            new Helm(now)
                    .install()
                    .withName(RELEASE)
                    .withNamespace(Chart.NAMESPACE)
                    .withKubeConfig(server.kubeconfig())
                    .call();
            assertThat(missing()).as("installed over what stayed").isEmpty();
        }
    }

    private void upgrade(Path chart) {
        new Helm(chart)
                .upgrade()
                .withName(RELEASE)
                .withNamespace(Chart.NAMESPACE)
                .withKubeConfig(server.kubeconfig())
                .call();
    }

    /** {@code helm rollback} where there is a helm; Helm as a library has no such command. */
    private void back(Path before) throws IOException, InterruptedException {
        Process helm;
        try {
            helm = new ProcessBuilder(
                            "helm",
                            "rollback",
                            RELEASE,
                            "--namespace",
                            Chart.NAMESPACE,
                            "--kubeconfig",
                            server.kubeconfig().toString())
                    .inheritIO()
                    .start();
        } catch (IOException notThere) {
            System.out.println(
                    "helm rollback: not run, there is no helm on the PATH; upgraded to the chart of before instead");
            upgrade(before);
            return;
        }
        assertThat(helm.waitFor()).as("helm rollback").isZero();
    }

    /** The chart as an earlier version might have been: another version, and a definition without one field. */
    private Path chartOfBefore() throws IOException {
        Path copy = directory.resolve("vmabi");
        try (Stream<Path> files = Files.walk(Chart.DIRECTORY)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(Chart.DIRECTORY.relativize(file).toString()));
            }
        }
        rewrite(copy.resolve("Chart.yaml"), "ersion: 0.1.0", "ersion: 0.0.9");
        String field = "(?m)^( +)" + NEW_FIELD + ":\\n(\\1 +.*\\n)+";
        rewrite(copy.resolve("files/crds/virtualmachineabis.vmabi.dev.yaml"), field, "");
        return copy;
    }

    private static void rewrite(Path file, String pattern, String replacement) throws IOException {
        String text = Files.readString(file);
        String changed = text.replaceAll(pattern, replacement);
        assertThat(changed).as("%s has %s", file, pattern).isNotEqualTo(text);
        Files.writeString(file, changed);
    }

    private boolean hasNewField() {
        JSONSchemaProps schema = admin.apiextensions()
                .v1()
                .customResourceDefinitions()
                .withName("virtualmachineabis.vmabi.dev")
                .get()
                .getSpec()
                .getVersions()
                .getFirst()
                .getSchema()
                .getOpenAPIV3Schema();
        return schema.getProperties().get("spec").getProperties().containsKey(NEW_FIELD);
    }

    private VirtualMachineABI policy() {
        return admin.resources(VirtualMachineABI.class).list().getItems().getFirst();
    }

    /** What the chart has and the cluster has not. */
    private List<String> missing() {
        return chart().filter(o -> !exists(o))
                .map(HasMetadata::getFullResourceName)
                .toList();
    }

    private Stream<HasMetadata> chart() {
        return Chart.documents(Chart.render(Map.of())).stream().flatMap(d -> load(d).stream());
    }

    private boolean exists(HasMetadata object) {
        return admin.resource(object).get() != null;
    }

    private static Predicate<HasMetadata> isDefinition() {
        return o -> o.getKind().equals("CustomResourceDefinition");
    }

    private List<HasMetadata> load(String yaml) {
        return admin.load(new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8)))
                .items();
    }
}
