package dev.vmabi.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmabi.demo.DemoCluster;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the committed definitions have an API server take, fill in and refuse. */
class DefinitionsTest {
    private static final String DIGEST = "0123456789abcdef".repeat(4);

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

    private static GenericKubernetesResource create(String kind, String name, String spec) {
        return create("""
                apiVersion: vmabi.dev/v1alpha1
                kind: %s
                metadata: {name: %s}
                spec: %s
                """.formatted(kind, name, spec));
    }

    private static GenericKubernetesResource create(String yaml) {
        GenericKubernetesResource object =
                client.getKubernetesSerialization().unmarshal(yaml, GenericKubernetesResource.class);
        GenericKubernetesResource created = client.resource(object).create();
        client.resource(created).delete();
        return created;
    }

    private static String policy(String more) {
        return "{nodeSelector: {matchLabels: {pool: a}}" + (more.isEmpty() ? "" : ", " + more) + "}";
    }

    static Stream<Path> examples() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("deploy/examples"))) {
            return files
                    .filter(f -> f.toString().endsWith(".yaml"))
                    .filter(DefinitionsTest::hasPolicies)
                    .toList()
                    .stream();
        }
    }

    private static boolean hasPolicies(Path file) {
        try {
            return Files.readString(file).contains("kind: VirtualMachineABI");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @MethodSource("examples")
    void everyExampleIsTaken(Path file) throws IOException {
        for (String document : Files.readString(file).split("\n---\n", -1)) {
            assertThat(create(document).getMetadata().getUid()).isNotEmpty();
        }
    }

    @Test
    void whatIsLeftOutIsFilledIn() {
        GenericKubernetesResource policy = create(
                "VirtualMachineABI",
                "defaults",
                policy("baseline: {}, raise: {}, vmm: {}, fences: [{surface: HypercallBitmaps}]"));
        assertThat(policy.<Object>get("spec"))
                .isEqualTo(Map.of(
                        "nodeSelector", Map.of("matchLabels", Map.of("pool", "a")),
                        "baseline", Map.of("source", "FleetMinimum"),
                        "raise", Map.of("strategy", "Manual", "soak", "24h"),
                        "fences", List.of(Map.of("surface", "HypercallBitmaps", "raise", "Never")),
                        "vmm", Map.of("name", "qemu"),
                        "placement", "AvoidIslands",
                        "oneWayMoves", "Allow",
                        "impose", "WherePossible",
                        "enforcement", "Enforce"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "baseline: {source: Best} | spec.baseline.source",
                "baseline: {source: Profile} | source Profile needs baseline.profile",
                "baseline: {source: Profile, profile: 49f2} | spec.baseline.profile",
                "baseline: {require: [sve2]} | spec.baseline.require",
                "baseline: {require: [FEAT_SVE], exclude: [FEAT_SVE]} | a feature is both required and excluded",
                "raise: {strategy: Sometimes} | spec.raise.strategy",
                "raise: {soak: a while} | spec.raise.soak",
                "raise: {approve: yes-please} | spec.raise.approve",
                "fences: [{raise: Now}] | a fence names either a kernel surface or a VMM",
                "fences: [{surface: HypercallBitmaps, vmm: qemu, minimumVersion: '11.1'}] | a fence names either",
                "fences: [{vmm: qemu}] | a fence on a VMM needs minimumVersion",
                "fences: [{vmm: qemu, minimumVersion: new}] | spec.fences[0].minimumVersion",
                "vmm: {name: xen} | spec.vmm.name",
                "vmm: {minimumVersion: '11.1.0.0'} | spec.vmm.minimumVersion",
                "enforcement: Perhaps | spec.enforcement",
                "placement: 3 | spec.placement",
            })
    void aPolicyThatMeansNothingIsRefusedByField(String more, String why) {
        refused("VirtualMachineABI", "bad", policy(more), why);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "VirtualMachineABI | {nodeSelector: {}} | the node selector is empty and would select every node",
                "VirtualMachineABI | {} | spec.nodeSelector",
                "NodeABI | {bootID: b} | spec.kvm",
                "NodeABI | {kvm: {state: Available}} | spec.bootID",
                "NodeABI | {kvm: {state: Fine}, bootID: b} | spec.kvm.state",
                "NodeABI | {kvm: {state: Available}, bootID: b, profile: none} | spec.profile",
                "NodeABI | {kvm: {state: Available}, bootID: b, cpus: [{midr: a76, count: 1}]} | spec.cpus[0].midr",
                "GuestABI | {} | spec.registers",
                "GuestABI | {registers: {}, otherRegisterIds: [one]} | spec.otherRegisterIds[0]",
                "ABIProfile | {} | spec.guestAbi",
            })
    void otherObjectsThatMeanNothingAreRefusedByField(String kind, String spec, String why) {
        refused(kind, kind.endsWith("Profile") || kind.startsWith("Guest") ? DIGEST : "n-1", spec, why);
    }

    private static void refused(String kind, String name, String spec, String why) {
        assertThatThrownBy(() -> create(kind, name, spec))
                .isInstanceOfSatisfying(KubernetesClientException.class, e -> {
                    assertThat(e.getCode()).isEqualTo(422);
                    assertThat(e.getStatus().getMessage()).contains(why);
                });
    }
}
