package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.ReplayFleet;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaPropsBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * Agents, operator and definitions of two versions that are one minor apart, as in the midst of an upgrade or of a
 * rollback. The other version is played by objects that have fields this one does not know, and by objects without
 * every field that is not required.
 */
class VersionSkewIT {
    private static final String TOMORROW = "fromTomorrow";
    private static final String BORN_TOMORROW = "70".repeat(32);
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: %s}
            spec:
              nodeSelector: {matchLabels: {example.com/pool: %s}}
              %s
            """;

    @Test
    void objectsOfANewerVersionAreWorkedWithAndKeepWhatIsNotKnown() {
        try (OperatedCluster cluster = new OperatedCluster();
                ReplayFleet later = new ReplayFleet(cluster.server)) {
            List.of("NodeABI", "ABIProfile", "GuestABI", "VirtualMachineABI")
                    .forEach(kind -> addTomorrow(cluster, kind));
            new DemoCluster(cluster.client).installKubeVirt();
            aVmOfTomorrow(cluster);
            cluster.operator("today", Map.of("vmabi.content.grace", "PT1S"));
            cluster.nodes.join("n1", "a", "linux-6.12-cortex-a76");
            cluster.nodes.join("n2", "a", "linux-6.18-cortex-a76");
            cluster.apply(POLICY.formatted("a", "a", "fromTomorrow: {of: policy}"));
            cluster.apply(POLICY.formatted("b", "b", ""));
            cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
            String pin = cluster.status("a").baseline().digest();
            String label = cluster.status("a").baseline().label();

            // A newer agent reports.
            cluster.nodes.close();
            change(cluster, "NodeABI", "n1", spec -> {
                spec.put(TOMORROW, Map.of("of", "report"));
                list(spec, "proofs").forEach(p -> p.put(TOMORROW, Map.of("of", "proof")));
            });
            // A newer operator has written a guest ABI, a fence and a part of a status, a newer agent its profile.
            change(cluster, "GuestABI", pin, spec -> spec.put(TOMORROW, Map.of("of", "guest ABI")));
            String profile = spec(cluster, "NodeABI", "n1").get("profile").toString();
            change(cluster, "ABIProfile", profile, spec -> spec.put(TOMORROW, Map.of("of", "profile")));
            cluster.client
                    .genericKubernetesResources(Names.API_VERSION, "VirtualMachineABI")
                    .withName("a")
                    .subresource("status")
                    .patch(PatchContext.of(PatchType.JSON_MERGE), """
                            {"status": {"fromTomorrow": {"of": "status"},
                              "fences": [{"fence": "Timers", "crossed": 2, "total": 2, "raised": true}]}}
                            """);

            // Written after that: a node and its label, a report's status, a policy's status.
            later.join("n3", "a", "linux-6.12-cortex-a76");
            cluster.expect("a", s -> {
                assertThat(s.nodes().accepting()).isEqualTo(3);
                assertThat(s.baseline().digest()).isEqualTo(pin);
                assertThat(s.fences())
                        .extracting(FenceState::fence, FenceState::raised)
                        .containsExactly(tuple("Timers", true));
            });
            cluster.await(() -> {
                assertThat(cluster.labels("n1")).contains(label);
                assertThat(cluster.labels("n3"))
                        .as("proved by an agent of today")
                        .contains(label);
            });
            assertThat(part(cluster, "VirtualMachineABI", "a", "status"))
                    .as("what others wrote into the status")
                    .containsKey(TOMORROW);
            assertThat(list(spec(cluster, "NodeABI", "n1"), "proofs"))
                    .isNotEmpty()
                    .allMatch(p -> p.containsKey(TOMORROW));
            assertThat(List.of(
                            spec(cluster, "NodeABI", "n1"),
                            spec(cluster, "GuestABI", pin),
                            spec(cluster, "ABIProfile", profile),
                            spec(cluster, "VirtualMachineABI", "a")))
                    .allMatch(spec -> spec.containsKey(TOMORROW));

            // A value that only a later version knows: told, and nothing else changes.
            change(cluster, "VirtualMachineABI", "a", spec -> spec.put("placement", "Spread"));
            cluster.await(() -> assertThat(cluster.condition("a", "Ready"))
                    .isEqualTo("False PolicyInvalid: spec.placement: Spread is not known to this version; take one of"
                            + " Anywhere, AvoidIslands, or upgrade"));
            later.join("n4", "b", "linux-6.12-cortex-a76");
            later.join("n5", "a", "linux-6.12-cortex-a76");
            cluster.expect("b", s -> assertThat(s.nodes().accepting()).isEqualTo(1));
            cluster.expect("a", s -> {
                assertThat(s.nodes().accepting()).isEqualTo(4);
                assertThat(s.baseline().digest()).isEqualTo(pin);
            });
            assertThat(cluster.labels("n1")).contains(label);
            change(cluster, "VirtualMachineABI", "a", spec -> spec.put("placement", "Anywhere"));
            cluster.await(() -> assertThat(cluster.condition("a", "Ready")).startsWith("True"));

            // A report in a state that only a later version knows costs that node its labels, and nobody else anything.
            change(cluster, "NodeABI", "n1", spec -> spec.put("kvm", Map.of("state", "Paused", "message", "for now")));
            cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(3));
            cluster.await(() -> assertThat(cluster.nodeCondition("n1", "Compatible"))
                    .startsWith("False")
                    .endsWith("KVM on node n1 is in a state that this version does not know: for now"));
            assertThat(cluster.labels("n1")).isEmpty();

            // It says that it cannot read this, and does not take it from the VM that has it.
            assertThat(part(cluster, "GuestABI", BORN_TOMORROW, "status").toString())
                    .contains("spec.vcpuFeatures: \"TOMORROW\" is not one of ");
        }
    }

    @Test
    void reportsOfAnOlderAgentHaveOnlyWhatIsRequired() {
        try (OperatedCluster cluster = new OperatedCluster();
                ReplayFleet later = new ReplayFleet(cluster.server)) {
            cluster.operator("today");
            cluster.nodes.join("n1", "a", "linux-6.12-cortex-a76");
            cluster.nodes.join("n2", "a", "linux-6.12-cortex-a76");
            cluster.apply(POLICY.formatted("a", "a", ""));
            cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
            cluster.nodes.close();
            change(
                    cluster,
                    "NodeABI",
                    "n1",
                    spec -> spec.keySet().retainAll(List.of("kvm", "bootID", "profile", "proofs")));
            later.join("n3", "a", "linux-6.12-cortex-a76");
            cluster.expect("a", s -> {
                assertThat(s.nodes().reporting()).isEqualTo(3);
                assertThat(s.nodes().accepting()).isEqualTo(3);
            });
            assertThat(cluster.nodeCondition("n1", "Compatible")).startsWith("True");
            // Nothing but what is required by the definition: no profile, no proofs.
            change(cluster, "NodeABI", "n1", spec -> spec.keySet().retainAll(List.of("kvm", "bootID")));
            cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
            cluster.await(() -> assertThat(cluster.labels("n1")).isEmpty());
            assertThat(cluster.labels("n2")).isNotEmpty();
        }
    }

    @Test
    void aStatusThatCannotBeReadStopsNobodyAndIsDecidedAnew() {
        try (OperatedCluster cluster = new OperatedCluster()) {
            cluster.operator("today");
            cluster.nodes.join("n1", "a", "linux-6.12-cortex-a76");
            cluster.nodes.join("n2", "b", "linux-6.12-cortex-a76");
            cluster.apply(POLICY.formatted("a", "a", ""));
            cluster.apply(POLICY.formatted("b", "b", ""));
            List.of("a", "b")
                    .forEach(p -> cluster.expect(
                            p, s -> assertThat(s.nodes().accepting()).isEqualTo(1)));
            String pin = cluster.status("a").baseline().digest();
            String label = cluster.status("a").baseline().label();

            assertThatThrownBy(() -> writeStatus(cluster, "a", "{'baseline': {'digest': 'rubbish'}}"))
                    .isInstanceOf(KubernetesClientException.class)
                    .hasMessageContaining("status.baseline.digest");
            cluster.client
                    .apiextensions()
                    .v1()
                    .customResourceDefinitions()
                    .withName("virtualmachineabis." + Names.GROUP)
                    .edit(VersionSkewIT::withoutRulesForTheBaseline);
            Awaitility.await("the older definition")
                    .atMost(Duration.ofMinutes(1))
                    .ignoreExceptions()
                    .until(() -> writeStatus(cluster, "a", "{'baseline': {'digest': 'rubbish'}}"));
            cluster.nodes.join("n3", "b", "linux-6.12-cortex-a76");

            cluster.expect("b", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
            cluster.expect("a", s -> {
                assertThat(s.baseline().digest()).isEqualTo(pin);
                assertThat(s.baseline().generation()).isEqualTo(2);
                assertThat(s.nodes().accepting()).isEqualTo(1);
            });
            cluster.await(() -> assertThat(cluster.labels("n1")).contains(label));
            cluster.await(() -> assertThat(
                            cluster.client.v1().events().inAnyNamespace().list().getItems())
                    .filteredOn(e -> e.getReason().equals("StatusUnreadable"))
                    .singleElement()
                    .satisfies(e -> assertThat(e.getMessage())
                            .isEqualTo("status.baseline: digest \"rubbish\" must be 64 lower-case hexadecimal digits;"
                                    + " it is decided anew")));
        }
    }

    private static boolean writeStatus(OperatedCluster cluster, String policy, String status) {
        return cluster.client
                        .genericKubernetesResources(Names.API_VERSION, "VirtualMachineABI")
                        .withName(policy)
                        .subresource("status")
                        .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"status\": " + status.replace('\'', '"') + "}")
                != null;
    }

    private static CustomResourceDefinition withoutRulesForTheBaseline(CustomResourceDefinition definition) {
        JSONSchemaProps baseline = definition
                .getSpec()
                .getVersions()
                .getFirst()
                .getSchema()
                .getOpenAPIV3Schema()
                .getProperties()
                .get("status")
                .getProperties()
                .get("baseline");
        baseline.setRequired(List.of());
        baseline.getProperties().get("digest").setPattern(null);
        return definition;
    }

    /** A VM that booted under a later version, which has since been taken back. */
    private static void aVmOfTomorrow(OperatedCluster cluster) {
        String objects = """
                apiVersion: kubevirt.io/v1
                kind: VirtualMachineInstance
                metadata: {namespace: default, name: vm, labels: {vmabi.dev/guest-abi: "%s"}}
                spec: {architecture: arm64, domain: {}}
                ---
                apiVersion: vmabi.dev/v1alpha1
                kind: GuestABI
                metadata: {name: "%s"}
                spec:
                  registers: {"0x603000000013c020": "0x1"}
                  otherRegisterIds: []
                  vcpuFeatures: [TOMORROW]
                """.formatted(BORN_TOMORROW.substring(0, 16), BORN_TOMORROW);
        Awaitility.await("KubeVirt's kinds are served")
                .atMost(Duration.ofMinutes(1))
                .ignoreExceptions()
                .until(() -> {
                    cluster.apply(objects);
                    return true;
                });
    }

    /** Adds an object-valued field to spec and status of a kind, and to what proofs are made of; and values to enums. */
    private static void addTomorrow(OperatedCluster cluster, String kind) {
        cluster.client
                .apiextensions()
                .v1()
                .customResourceDefinitions()
                .withName(kind.toLowerCase(Locale.ROOT) + "s." + Names.GROUP)
                .edit(VersionSkewIT::withTomorrow);
    }

    private static CustomResourceDefinition withTomorrow(CustomResourceDefinition definition) {
        JSONSchemaProps whole =
                definition.getSpec().getVersions().getFirst().getSchema().getOpenAPIV3Schema();
        JSONSchemaProps spec = whole.getProperties().get("spec");
        JSONSchemaProps any = new JSONSchemaPropsBuilder()
                .withType("object")
                .withXKubernetesPreserveUnknownFields(true)
                .build();
        spec.getProperties().put(TOMORROW, any);
        whole.getProperties().get("status").getProperties().put(TOMORROW, any);
        JSONSchemaProps proofs = spec.getProperties().get("proofs");
        if (proofs != null) {
            proofs.getItems().getSchema().getProperties().put(TOMORROW, any);
            addValue(spec.getProperties().get("kvm").getProperties().get("state"), "Paused");
        }
        if (spec.getProperties().containsKey("placement")) {
            addValue(spec.getProperties().get("placement"), "Spread");
        }
        return definition;
    }

    private static void addValue(JSONSchemaProps field, String value) {
        List<JsonNode> values = new ArrayList<>(field.getEnum());
        values.add(TextNode.valueOf(value));
        field.setEnum(values);
    }

    private static Map<String, Object> spec(OperatedCluster cluster, String kind, String name) {
        return part(cluster, kind, name, "spec");
    }

    private static Map<String, Object> part(OperatedCluster cluster, String kind, String name, String part) {
        return cluster.client
                .genericKubernetesResources(Names.API_VERSION, kind)
                .withName(name)
                .get()
                .get(part);
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> list(Map<String, Object> spec, String field) {
        return (List<Map<String, Object>>) spec.get(field);
    }

    private static void change(OperatedCluster cluster, String kind, String name, Consumer<Map<String, Object>> spec) {
        // The operator writes status of the same object meanwhile.
        Awaitility.await()
                .ignoreExceptionsMatching(e -> e instanceof KubernetesClientException answer && answer.getCode() == 409)
                .until(() -> cluster.client
                                .genericKubernetesResources(Names.API_VERSION, kind)
                                .withName(name)
                                .edit(object -> {
                                    Map<String, Object> changed =
                                            new HashMap<>(object.<Map<String, Object>>get("spec"));
                                    spec.accept(changed);
                                    object.setAdditionalProperty("spec", changed);
                                    return object;
                                })
                        != null);
    }
}
