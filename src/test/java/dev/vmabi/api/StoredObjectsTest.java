package dev.vmabi.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Objects as earlier versions, and this one, left them in clusters: every later version reads them, means the same by
 * them, and has definitions that take them. A directory of {@code stored} is never changed once its version is out.
 */
class StoredObjectsTest {
    private static final Path STORED = Path.of("src/test/resources/stored");
    private static final ObjectMapper YAML = new YAMLMapper();
    private static final Map<String, Class<? extends CustomResource<?, ?>>> KINDS = Map.of(
            "VirtualMachineABI", VirtualMachineABI.class,
            "NodeABI", NodeABI.class,
            "ABIProfile", ABIProfile.class,
            "GuestABI", GuestABI.class);

    private static ApiServer server;
    private static KubernetesClient client;

    @BeforeAll
    static void start() {
        server = ApiServers.start();
        client = server.client();
        new DemoCluster(client).installOwn();
    }

    @AfterAll
    static void stop() {
        client.close();
        server.close();
    }

    @Test
    void thisVersionHasLeftSomeOfEachKind() throws IOException {
        String version = YAML.readTree(Path.of("helm/vmabi/Chart.yaml").toFile())
                .path("appVersion")
                .asText();
        TreeSet<String> kinds = new TreeSet<>();
        for (Path file : stored().toList()) {
            if (file.getParent().endsWith("v" + version)) {
                kinds.add(YAML.readTree(file.toFile()).path("kind").asText());
            }
        }
        assertThat(kinds).containsExactlyElementsOf(new TreeSet<>(KINDS.keySet()));
    }

    @ParameterizedTest
    @MethodSource("stored")
    void isReadWithTheMeaningItHad(Path file) throws IOException {
        JsonNode stored = YAML.readTree(file.toFile());
        CustomResource<?, ?> object =
                client.getKubernetesSerialization().unmarshal(Files.readString(file), kind(stored));
        JsonNode again = YAML.readTree(client.getKubernetesSerialization().asYaml(object));
        assertThat(again.path("spec")).isEqualTo(stored.path("spec"));
        assertThat(again.path("status")).isEqualTo(stored.path("status"));
    }

    @ParameterizedTest
    @MethodSource("stored")
    void itsNameIsStillTheDigestOfItsContent(Path file) throws IOException {
        JsonNode stored = YAML.readTree(file.toFile());
        Object object = client.getKubernetesSerialization().unmarshal(Files.readString(file), kind(stored));
        String digest = switch (object) {
            case ABIProfile profile ->
                profile.getSpec().toHostProfile().digest().hex();
            case GuestABI guestAbi -> guestAbi.getSpec().toGuestAbi().digest().hex();
            default -> stored.at("/metadata/name").asText();
        };
        assertThat(stored.at("/metadata/name").asText()).isEqualTo(digest);
    }

    /** Nothing is refused, left out or filled in. */
    @ParameterizedTest
    @MethodSource("stored")
    void theDefinitionsTakeItAsItIs(Path file) throws IOException {
        JsonNode stored = YAML.readTree(file.toFile());
        GenericKubernetesResource object =
                client.getKubernetesSerialization().unmarshal(Files.readString(file), GenericKubernetesResource.class);
        GenericKubernetesResource created = client.resource(object).create();
        created.setAdditionalProperty("status", object.getAdditionalProperties().get("status"));
        JsonNode now = YAML.valueToTree(client.resource(created).updateStatus());
        assertThat(now.path("spec")).isEqualTo(stored.path("spec"));
        assertThat(now.path("status")).isEqualTo(stored.path("status"));
        client.resource(created).delete();
    }

    private static Class<? extends CustomResource<?, ?>> kind(JsonNode stored) {
        return KINDS.get(stored.path("kind").asText());
    }

    private static Stream<Path> stored() throws IOException {
        try (Stream<Path> files = Files.walk(STORED)) {
            return List.copyOf(
                    files.filter(f -> f.toString().endsWith(".yaml")).sorted().toList())
                    .stream();
        }
    }
}
