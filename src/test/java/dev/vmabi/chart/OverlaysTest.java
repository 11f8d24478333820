package dev.vmabi.chart;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.fabric8.zjsonpatch.JsonPatch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Each overlay of deploy/ gives what the chart's setting for the same thing gives. Built by kubectl where there is one;
 * else its patches and images are applied here, and what was not run is said.
 */
class OverlaysTest {
    private static final Path OVERLAYS = Path.of("deploy/overlays");
    private static final ObjectMapper YAML = new YAMLMapper();

    @Test
    void auditOnlyIsTheChartWithAGateThatFailsOpen() throws Exception {
        assertThat(built("audit-only")).isEqualTo(chart(Map.of("gate.failurePolicy.target", "Ignore")));
    }

    @Test
    void hostPathIsTheChartWithTheDeviceOfTheNode() throws Exception {
        Map<String, JsonNode> built = built("host-path");
        assertThat(built.remove("Namespace/vmabi-system")
                        .at("/metadata/labels/pod-security.kubernetes.io~1enforce")
                        .asText())
                .isEqualTo("privileged");
        Map<String, JsonNode> chart = chart(Map.of("agent.kvm.access", "HostPath"));
        chart.remove("Namespace/vmabi-system");
        assertThat(built).isEqualTo(chart);
    }

    @Test
    void registryIsTheChartWithThatRegistry() throws Exception {
        assertThat(built("registry")).isEqualTo(chart(Map.of("image.registry", "registry.example.com/vmabi")));
    }

    /** What the chart renders with one setting, and the namespace of the base. */
    private static Map<String, JsonNode> chart(Map<String, Object> values) throws IOException {
        Map<String, JsonNode> objects = byName(String.join("---\n", Chart.documents(Chart.render(values))));
        objects.put("Namespace/vmabi-system", base().get("Namespace/vmabi-system"));
        return objects;
    }

    private static Map<String, JsonNode> base() throws IOException {
        return byName(Chart.read(Path.of("deploy/base/vmabi.yaml")));
    }

    private static Map<String, JsonNode> built(String overlay) throws IOException, InterruptedException {
        Path directory = OVERLAYS.resolve(overlay);
        Process kubectl;
        try {
            kubectl = new ProcessBuilder("kubectl", "kustomize", directory.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        } catch (IOException notThere) {
            System.out.println("kubectl kustomize " + directory
                    + ": not run, there is no kubectl on the PATH; its patches were applied by the test instead");
            return patched(directory);
        }
        String text = new String(kubectl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(kubectl.waitFor()).as("kubectl kustomize " + directory).isZero();
        return byName(text);
    }

    private static Map<String, JsonNode> patched(Path directory) throws IOException {
        JsonNode overlay = YAML.readTree(Chart.read(directory.resolve("kustomization.yaml")));
        Map<String, JsonNode> objects = base();
        for (JsonNode patch : overlay.path("patches")) {
            String name = patch.at("/target/kind").asText() + "/"
                    + patch.at("/target/name").asText();
            assertThat(objects).containsKey(name);
            objects.compute(
                    name, (n, o) -> JsonPatch.apply(parse(patch.path("patch").asText()), o));
        }
        for (JsonNode image : overlay.path("images")) {
            for (JsonNode object : objects.values()) {
                for (JsonNode container : object.at("/spec/template/spec/containers")) {
                    if (container
                            .path("image")
                            .asText()
                            .startsWith(image.path("name").asText() + ":")) {
                        ((ObjectNode) container)
                                .put(
                                        "image",
                                        image.path("newName").asText() + ":"
                                                + image.path("newTag").asText());
                    }
                }
            }
        }
        return objects;
    }

    private static Map<String, JsonNode> byName(String documents) throws IOException {
        Map<String, JsonNode> objects = new TreeMap<>();
        YAML.readerFor(JsonNode.class)
                .<JsonNode>readValues(documents)
                .forEachRemaining(o -> objects.put(
                        o.path("kind").asText() + "/" + o.at("/metadata/name").asText(), o));
        return objects;
    }

    private static JsonNode parse(String yaml) {
        try {
            return YAML.readTree(yaml);
        } catch (IOException e) {
            throw new IllegalArgumentException(yaml, e);
        }
    }
}
