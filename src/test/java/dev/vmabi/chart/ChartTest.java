package dev.vmabi.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.KubernetesResource;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The chart as Helm itself lints and renders it. */
class ChartTest {
    private static final ObjectMapper YAML = new YAMLMapper();
    private static final Path SOURCES = Path.of("src/main/resources/dev/vmabi/gate");

    /** Kinds of others, or newer than the client library: there is no model to check them against. */
    private static final Set<String> NO_MODEL = Set.of(
            "ServiceMonitor",
            "PodMonitor",
            "PrometheusRule",
            "Certificate",
            "Issuer",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding");

    /** Reads objects of Kubernetes and takes no field that they do not have. */
    private static final ObjectMapper STRICT = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .annotationIntrospector(new JacksonAnnotationIntrospector() {
                @Override
                public Boolean hasAnySetter(Annotated annotated) {
                    return false;
                }
            })
            .build();

    @Test
    void helmFindsNothingAgainstIt() {
        LintResult lint = new Helm(Chart.DIRECTORY).lint().strict().call();
        assertThat(lint.isFailed()).as("%s", lint.getMessages()).isFalse();
    }

    @Test
    void theChartHasTheDefinitionsAndTheGateOfTheirSources() {
        Map<Path, String> committed = new TreeMap<>();
        Chart.copies().keySet().forEach(f -> committed.put(f, Chart.read(f)));
        assertThat(committed).as("run make manifests").isEqualTo(Chart.copies());
    }

    @Test
    void plainManifestsAreThoseOfTheChart() {
        Map<Path, String> manifests = Chart.manifests();
        manifests.forEach((file, text) ->
                assertThat(Chart.read(file)).as(file + ": run make manifests").isEqualTo(text));
    }

    @Test
    void byDefaultTheGateIsThatOfItsSource() {
        Map<String, JsonNode> rendered = byName(documents(Map.of("policies.guestAbi", true)));
        Map<String, JsonNode> sources = byName(read("policies.yaml"));
        sources.putAll(byName(read("webhooks.yaml")));
        assertThat(sources).hasSize(11);
        sources.forEach((name, source) -> {
            JsonNode object = rendered.get(name);
            assertThat(object).as(name).isNotNull();
            assertThat(object.path("apiVersion")).isEqualTo(source.path("apiVersion"));
            assertThat(object.path("spec")).as(name).isEqualTo(source.path("spec"));
        });
        String webhooks = "MutatingWebhookConfiguration/vmabi-gate";
        assertThat(byName(documents(Map.of())).get(webhooks).path("webhooks"))
                .isEqualTo(sources.get(webhooks).path("webhooks"));
        for (JsonNode webhook : rendered.get(webhooks).path("webhooks")) {
            assertThat(webhook.path("failurePolicy").asText())
                    .as("with its rule in the API server, %s may fail open", webhook.path("name"))
                    .isEqualTo("Ignore");
        }
    }

    @Test
    void everyCombinationOfSettingsRendersObjectsThatKubernetesKnows() {
        List<Map<String, Object>> matrix = List.of(Map.of());
        matrix = with(matrix, "gate.certificate.source", "SelfManaged", "CertManager");
        matrix = with(matrix, "agent.kvm.access", "DevicePlugin", "HostPath");
        matrix = with(matrix, "gate.enabled", true, false);
        matrix = with(matrix, "policies.guestAbi", true, false);
        matrix = with(matrix, "networkPolicy.enabled", true, false);
        matrix = with(matrix, "monitoring.serviceMonitor.enabled", true, false);
        assertThat(matrix).hasSize(64);
        for (Map<String, Object> values : matrix) {
            List<JsonNode> documents = documents(values);
            documents.forEach(d -> assertKnown(d, values));
            assertThat(byName(documents))
                    .as("two objects of one name, %s", values)
                    .hasSize(documents.size());
        }
    }

    @Test
    void whatIsSetIsWhatComesOut() {
        Map<String, Object> all = Map.of(
                "image.registry",
                "registry.example.com/vmabi/",
                "image.tag",
                "1.2.3",
                "agent.image.digest",
                "sha256:" + "0".repeat(64),
                "agent.kvm.supplementalGroups[0]",
                36,
                "agent.nodeSelector.pool",
                "kvm",
                "gate.excludedNamespaces[0]",
                "build",
                "gate.failurePolicy.boot",
                "Fail",
                "crds.install",
                false,
                "policies.enabled",
                false,
                "rbac.aggregate",
                false);
        Map<String, JsonNode> objects = byName(documents(all));
        assertThat(objects.get("Deployment/vmabi-operator").at("/spec/template/spec/containers/0/image"))
                .hasToString("\"registry.example.com/vmabi/vmabi-operator:1.2.3\"");
        JsonNode agent = objects.get("DaemonSet/vmabi-agent").at("/spec/template/spec");
        assertThat(agent.at("/containers/0/image").asText())
                .isEqualTo("registry.example.com/vmabi/vmabi-agent@sha256:" + "0".repeat(64));
        assertThat(agent.at("/securityContext/supplementalGroups/0").asInt()).isEqualTo(36);
        assertThat(agent.path("nodeSelector"))
                .hasToString("{\"kubernetes.io/arch\":\"arm64\",\"kubernetes.io/os\":\"linux\",\"pool\":\"kvm\"}");
        JsonNode webhooks =
                objects.get("MutatingWebhookConfiguration/vmabi-gate").path("webhooks");
        assertThat(webhooks.findValuesAsText("failurePolicy"))
                .containsExactly("Ignore", "Ignore", "Fail", "Fail", "Ignore", "Ignore");
        assertThat(webhooks.findValues("namespaceSelector"))
                .hasSize(5)
                .allSatisfy(s -> assertThat(s.at("/matchExpressions/0/values"))
                        .hasToString("[\"kube-system\",\"vmabi-system\",\"build\"]"));
        assertThat(objects.keySet())
                .noneMatch(k -> k.startsWith("CustomResourceDefinition/"))
                .noneMatch(k -> k.contains("AdmissionPolicy"))
                .doesNotContain("ClusterRole/vmabi-aggregate-to-view");
    }

    @Test
    void monitoringBringsRulesAndDashboards() {
        Map<String, JsonNode> objects = byName(
                documents(Map.of("monitoring.prometheusRule.enabled", true, "monitoring.dashboard.enabled", true)));
        assertThat(objects.get("PrometheusRule/vmabi").at("/spec/groups").findValuesAsText("name"))
                .containsAll(groups());
        JsonNode dashboards = objects.get("ConfigMap/vmabi-dashboards");
        assertThat(dashboards.at("/metadata/labels/grafana_dashboard").asText()).isEqualTo("1");
        Chart.files(Chart.DIRECTORY.resolve("dashboards"))
                .forEach(f -> assertThat(dashboards
                                .path("data")
                                .path(f.getFileName().toString())
                                .asText())
                        .isEqualTo(Chart.read(f)));
    }

    private static List<String> groups() {
        return Chart.files(Chart.DIRECTORY.resolve("rules"))
                .map(f -> parse(Chart.read(f)))
                .flatMap(rules -> rules.path("groups").findValuesAsText("name").stream())
                .toList();
    }

    @ParameterizedTest
    @CsvSource({
        "gate.enable, true, enable",
        "operator.replicas, 0, replicas",
        "gate.certificate.source, Magic, source",
        "agent.kvm.access, Privileged, access",
        "gate.failurePolicy.target, fail, target",
        "agent.image.digest, latest, digest",
        "tracing.endpoint, http://collector.observability.svc, endpoint",
    })
    void wrongValuesAreRefusedByName(String path, String value, String named) {
        Object set = value.matches("[0-9]+") ? (Object) Integer.valueOf(value) : value;
        assertThatThrownBy(() -> Chart.render(Map.of(path, set))).hasMessageContaining(named);
    }

    @Test
    void tracesAreSentWhereTheyAreAskedForAndMayGoThere() {
        String endpoint = "http://collector.observability.svc:4318";
        Map<String, JsonNode> objects = byName(documents(Map.of("tracing.endpoint", endpoint)));
        JsonNode container = objects.get("Deployment/vmabi-operator").at("/spec/template/spec/containers/0");
        assertThat(container.path("env").toString())
                .contains("{\"name\":\"QUARKUS_OTEL_SDK_DISABLED\",\"value\":\"false\"}")
                .contains("{\"name\":\"QUARKUS_OTEL_EXPORTER_OTLP_ENDPOINT\",\"value\":\"" + endpoint + "\"}");
        assertThat(objects.get("NetworkPolicy/vmabi-operator").at("/spec/egress/1/ports"))
                .hasToString("[{\"port\":4318,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"},"
                        + "{\"port\":53,\"protocol\":\"TCP\"}]");
        assertThat(objects.get("NetworkPolicy/vmabi-agent").at("/spec/egress")).hasSize(1);
        Map<String, JsonNode> without = byName(documents(Map.of()));
        assertThat(without.get("Deployment/vmabi-operator").toString()).doesNotContain("OTEL");
        assertThat(without.get("NetworkPolicy/vmabi-operator").at("/spec/egress"))
                .hasSize(1);
    }

    @Test
    void theRuleForStampsAsksForItsKubernetes() {
        assertThatThrownBy(() -> new Helm(Chart.DIRECTORY)
                        .template()
                        .withKubeVersion("1.35.0")
                        .set("policies.guestAbi", true)
                        .call())
                .hasMessageContaining("policies.guestAbi needs Kubernetes 1.36 or later, this is v1.35.0");
    }

    /** What the "restricted" Pod Security Standard asks, and what we ask beyond it. */
    @Test
    void podsAreRestrictedButForAPrivilegedAgent() {
        for (String access : List.of("DevicePlugin", "HostPath")) {
            Map<String, JsonNode> objects = byName(documents(Map.of("agent.kvm.access", access)));
            for (String name : List.of("Deployment/vmabi-operator", "DaemonSet/vmabi-agent")) {
                JsonNode pod = objects.get(name).at("/spec/template/spec");
                JsonNode container = pod.at("/containers/0");
                assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
                assertThat(pod.at("/securityContext/seccompProfile/type").asText())
                        .isEqualTo("RuntimeDefault");
                assertThat(List.of(pod.has("hostNetwork"), pod.has("hostPID"), pod.has("hostIPC")))
                        .containsOnly(false);
                assertThat(container
                                .at("/securityContext/readOnlyRootFilesystem")
                                .asBoolean())
                        .isTrue();
                assertThat(container.at("/resources/limits/memory").isMissingNode())
                        .isFalse();
                boolean exception = access.equals("HostPath") && name.startsWith("DaemonSet");
                assertThat(container.at("/securityContext/privileged").asBoolean())
                        .isEqualTo(exception);
                assertThat(pod.path("volumes").findValues("hostPath")).hasSize(exception ? 1 : 0);
                if (!exception) {
                    assertThat(container.path("securityContext"))
                            .hasToString("{\"allowPrivilegeEscalation\":false,\"capabilities\":{\"drop\":[\"ALL\"]},"
                                    + "\"readOnlyRootFilesystem\":true}");
                }
            }
        }
    }

    private static List<Map<String, Object>> with(
            List<Map<String, Object>> matrix, String path, Object one, Object other) {
        List<Map<String, Object>> wider = new ArrayList<>();
        for (Object value : List.of(one, other)) {
            for (Map<String, Object> values : matrix) {
                Map<String, Object> more = new TreeMap<>(values);
                more.put(path, value);
                wider.add(more);
            }
        }
        return wider;
    }

    private static void assertKnown(JsonNode document, Map<String, Object> values) {
        String what = document.path("kind").asText() + " with " + values;
        if (NO_MODEL.contains(document.path("kind").asText())) {
            return;
        }
        try {
            KubernetesResource object = new KubernetesSerialization().unmarshal(document.toString());
            assertThat(object).as(what).isNotInstanceOf(GenericKubernetesResource.class);
            Object _ = STRICT.convertValue(document, object.getClass());
        } catch (IllegalArgumentException e) {
            throw new AssertionError(what + ": " + e.getMessage(), e);
        }
    }

    private static List<JsonNode> documents(Map<String, Object> values) {
        return Chart.documents(Chart.render(values)).stream()
                .map(ChartTest::parse)
                .toList();
    }

    private static List<JsonNode> read(String source) {
        return Chart.documents(Chart.read(SOURCES.resolve(source))).stream()
                .map(ChartTest::parse)
                .toList();
    }

    private static JsonNode parse(String yaml) {
        try {
            return sorted(YAML.readTree(yaml));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** With the fields of its objects in order, so that texts can be compared. */
    private static JsonNode sorted(JsonNode node) {
        if (node instanceof ObjectNode object) {
            Map<String, JsonNode> fields = new TreeMap<>();
            object.properties().forEach(p -> fields.put(p.getKey(), sorted(p.getValue())));
            object.removeAll();
            object.setAll(fields);
        } else {
            node.forEach(ChartTest::sorted);
        }
        return node;
    }

    private static Map<String, JsonNode> byName(List<JsonNode> documents) {
        return documents.stream()
                .collect(Collectors.toMap(
                        d -> d.path("kind").asText() + "/"
                                + d.at("/metadata/name").asText(),
                        d -> d,
                        (one, other) -> one,
                        TreeMap::new));
    }
}
