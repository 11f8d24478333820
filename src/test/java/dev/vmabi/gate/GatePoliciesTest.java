package dev.vmabi.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmabi.api.Names;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.api.model.authentication.BoundObjectReferenceBuilder;
import io.fabric8.kubernetes.api.model.authentication.TokenRequest;
import io.fabric8.kubernetes.api.model.authentication.TokenRequestBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The gate inside the API server: with nothing else running. Needs a real one, of Kubernetes 1.36 or later. */
class GatePoliciesTest {
    private static final String STAMP = "0123456789abcdef";
    private static final User OPERATOR = User.serviceAccount("vmabi-system", "vmabi-operator");
    private static final User AGENT = User.serviceAccount("vmabi-system", "vmabi-agent");
    private static final User CONTROLLER = User.serviceAccount("kubevirt", "kubevirt-controller");
    private static final User PERSON = new User("alice", "platform-team");

    private static ApiServer server;
    private static KubernetesClient admin;

    @BeforeAll
    static void start() throws Exception {
        String assets = System.getenv("KUBEBUILDER_ASSETS");
        boolean real = assets != null && !assets.isBlank();
        if (!real) {
            System.out.println("GatePoliciesTest is skipped: KUBEBUILDER_ASSETS names no real kube-apiserver");
        }
        assumeTrue(real, "the embedded API server has no admission policies");
        server = ApiServers.start();
        admin = server.client();
        try (InputStream crds = GatePoliciesTest.class.getResourceAsStream("/kubevirt/crds.yaml");
                InputStream nodeAbis = Files.newInputStream(Path.of("crds/nodeabis.vmabi.dev.yaml"));
                InputStream profiles = Files.newInputStream(Path.of("crds/abiprofiles.vmabi.dev.yaml"));
                InputStream policies = Gate.class.getResourceAsStream("policies.yaml")) {
            admin.load(crds).create();
            admin.load(nodeAbis).create();
            admin.load(profiles).create();
            admin.load(policies).create();
        }
        admin.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName("tenant-a")
                        .endMetadata()
                        .build())
                .create();
        Awaitility.await("the policies are in force")
                .atMost(Duration.ofSeconds(60))
                .until(() -> {
                    Pod made = as(CONTROLLER, target(Map.of()));
                    return made.getSpec().getNodeSelector() != null;
                });
        Awaitility.await("the stamps' policy is in force")
                .atMost(Duration.ofSeconds(60))
                .until(() -> {
                    try {
                        as(PERSON, vmi("probe-" + System.nanoTime(), Map.of(Names.STAMP, STAMP)));
                        return false;
                    } catch (KubernetesClientException e) {
                        return e.getCode() == 403;
                    }
                });
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            admin.close();
            server.close();
        }
    }

    private static <T extends HasMetadata> T as(User user, T object) {
        try (KubernetesClient client = server.client(user)) {
            return client.resource(object).create();
        }
    }

    private static <T extends HasMetadata> T updatedBy(User user, T object) {
        try (KubernetesClient client = server.client(user)) {
            return client.resource(object).update();
        }
    }

    private static Pod pod(Map<String, String> labels, Map<String, String> nodeSelector) {
        return new PodBuilder()
                .withNewMetadata()
                .withNamespace("tenant-a")
                .withGenerateName("virt-launcher-vm-")
                .withLabels(labels)
                .endMetadata()
                .withNewSpec()
                .withNodeSelector(nodeSelector.isEmpty() ? null : nodeSelector)
                .addNewContainer()
                .withName("compute")
                .withImage("registry.example.org/virt-launcher:v1")
                .endContainer()
                .endSpec()
                .build();
    }

    private static Pod target(Map<String, String> nodeSelector) {
        return pod(
                Map.of("kubevirt.io", "virt-launcher", "kubevirt.io/migrationJobUID", "m-1", Names.STAMP, STAMP),
                nodeSelector);
    }

    private static GenericKubernetesResource vmi(String name, Map<String, String> marks) {
        return new GenericKubernetesResourceBuilder()
                .withApiVersion("kubevirt.io/v1")
                .withKind("VirtualMachineInstance")
                .withNewMetadata()
                .withNamespace("tenant-a")
                .withName(name)
                .withLabels(marks)
                .endMetadata()
                .addToAdditionalProperties("spec", Map.of("domain", Map.of()))
                .build();
    }

    private static GenericKubernetesResource nodeAbi(String node) {
        return new GenericKubernetesResourceBuilder()
                .withApiVersion(Names.API_VERSION)
                .withKind("NodeABI")
                .withNewMetadata()
                .withName(node)
                .endMetadata()
                .addToAdditionalProperties("spec", Map.of("bootID", "boot-1", "kvm", Map.of("state", "Available")))
                .build();
    }

    private static void forbidden(ThrowingCallable attempt, String why) {
        assertThatThrownBy(attempt).isInstanceOfSatisfying(KubernetesClientException.class, e -> {
            assertThat(e.getCode()).isEqualTo(403);
            assertThat(e.getStatus().getMessage()).contains(why);
        });
    }

    @Test
    void podsThatAGuestMovesIntoAreHeldToWhatItHas() {
        String label = Names.nodeLabel(STAMP);
        assertThat(as(CONTROLLER, target(Map.of())).getSpec().getNodeSelector()).isEqualTo(Map.of(label, "true"));
        assertThat(as(CONTROLLER, target(Map.of("pool", "a"))).getSpec().getNodeSelector())
                .isEqualTo(Map.of("pool", "a", label, "true"));
        assertThat(as(CONTROLLER, target(Map.of(label, "false"))).getSpec().getNodeSelector())
                .as("what is there stays")
                .isEqualTo(Map.of(label, "false"));
        assertThat(as(PERSON, pod(Map.of(Names.POLICY_LABEL, "pool-a", Names.STAMP, STAMP), Map.of()))
                        .getSpec()
                        .getNodeSelector())
                .isEqualTo(Map.of(label, "true"));
    }

    @Test
    void otherPodsAreLeftAlone() {
        for (Map<String, String> labels : List.of(
                Map.of("kubevirt.io", "virt-launcher", Names.STAMP, STAMP),
                Map.of("kubevirt.io", "hotplug-disk", "kubevirt.io/migrationJobUID", "m-1", Names.STAMP, STAMP),
                Map.of("app", "web", Names.STAMP, STAMP),
                Map.of("app", "web"))) {
            assertThat(as(CONTROLLER, pod(labels, Map.of())).getSpec().getNodeSelector())
                    .as("%s", labels)
                    .isNullOrEmpty();
        }
    }

    @Test
    void anAgentWritesTheReportOfItsOwnNodeOnly() {
        GenericKubernetesResource own = as(AGENT.onNode("n-1"), nodeAbi("n-1"));
        own.setAdditionalProperty("spec", Map.of("bootID", "boot-2", "kvm", Map.of("state", "Available")));
        assertThatCode(() -> updatedBy(AGENT.onNode("n-1"), own)).doesNotThrowAnyException();
        forbidden(() -> as(AGENT.onNode("n-1"), nodeAbi("n-2")), "the agent of node n-1 may not write NodeABI n-2");
        forbidden(() -> as(AGENT, nodeAbi("n-3")), "an agent whose token is bound to no node may not write");
        GenericKubernetesResource read = admin.resource(own).get();
        read.setAdditionalProperty("spec", Map.of("bootID", "boot-3", "kvm", Map.of("state", "Available")));
        forbidden(() -> updatedBy(AGENT.onNode("n-2"), read), "the agent of node n-2 may not write NodeABI n-1");
        try (KubernetesClient other = server.client(AGENT.onNode("n-2"))) {
            forbidden(() -> other.resource(read).delete(), "the agent of node n-2 may not write NodeABI n-1");
        }
    }

    /** The claims of a token as Kubernetes itself issues it for a pod on a node. */
    @Test
    void aTokenOfAnAgentsPodSpeaksForThePodsNode() {
        admin.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName("vmabi-system")
                        .endMetadata()
                        .build())
                .create();
        admin.resource(new ServiceAccountBuilder()
                        .withNewMetadata()
                        .withNamespace("vmabi-system")
                        .withName("vmabi-agent")
                        .endMetadata()
                        .build())
                .create();
        Pod pod = admin.resource(new PodBuilder()
                        .withNewMetadata()
                        .withNamespace("vmabi-system")
                        .withName("vmabi-agent-x")
                        .endMetadata()
                        .withNewSpec()
                        .withNodeName("n-5")
                        .withServiceAccountName("vmabi-agent")
                        .addNewContainer()
                        .withName("agent")
                        .withImage("agent")
                        .endContainer()
                        .endSpec()
                        .build())
                .create();
        try (KubernetesClient bound = withTokenFor(pod);
                KubernetesClient unbound = withTokenFor(null)) {
            assertThatCode(() -> bound.resource(nodeAbi("n-5")).create()).doesNotThrowAnyException();
            forbidden(() -> bound.resource(nodeAbi("n-6")).create(), "the agent of node n-5 may not write NodeABI n-6");
            forbidden(
                    () -> unbound.resource(nodeAbi("n-6")).create(),
                    "an agent whose token is bound to no node may not write NodeABI n-6");
        }
    }

    private static KubernetesClient withTokenFor(Pod pod) {
        TokenRequest request = new TokenRequestBuilder()
                .withNewSpec()
                .withExpirationSeconds(600L)
                .withBoundObjectRef(
                        pod == null
                                ? null
                                : new BoundObjectReferenceBuilder()
                                        .withApiVersion("v1")
                                        .withKind("Pod")
                                        .withName(pod.getMetadata().getName())
                                        .withUid(pod.getMetadata().getUid())
                                        .build())
                .endSpec()
                .build();
        String token = admin.serviceAccounts()
                .inNamespace("vmabi-system")
                .withName("vmabi-agent")
                .tokenRequest(request)
                .getStatus()
                .getToken();
        return new KubernetesClientBuilder()
                .withConfig(new ConfigBuilder(Config.empty())
                        .withMasterUrl(server.url().toString())
                        .withCaCertData(Base64.getEncoder()
                                .encodeToString(server.caCertificate().getBytes(StandardCharsets.UTF_8)))
                        .withOauthToken(token)
                        .build())
                .build();
    }

    @Test
    void onlyTheOperatorStamps() {
        forbidden(() -> as(PERSON, vmi("vm-forged", Map.of(Names.STAMP, STAMP))), "only the operator writes it");
        GenericKubernetesResource vm = as(PERSON, vmi("vm-1", Map.of("app", "shop")));
        vm.getMetadata().setLabels(new HashMap<>(Map.of("app", "shop", Names.STAMP, STAMP)));
        forbidden(() -> updatedBy(PERSON, vm), "only the operator writes it");
        GenericKubernetesResource stamped = updatedBy(OPERATOR, vm);
        stamped.setAdditionalProperty("status", Map.of("phase", "Running"));
        GenericKubernetesResource running = updatedBy(CONTROLLER, stamped);
        running.getMetadata().setLabels(Map.of());
        forbidden(() -> updatedBy(CONTROLLER, running), "only the operator writes it");
    }

    @Test
    void onlyTheOperatorLabelsNodes() {
        User kubelet = new User("system:node:n-9", "system:nodes");
        Node node = as(
                kubelet,
                new NodeBuilder()
                        .withNewMetadata()
                        .withName("n-9")
                        .addToLabels("zone", "z")
                        .endMetadata()
                        .build());
        node.getMetadata().getLabels().put(Names.nodeLabel(STAMP), "true");
        forbidden(() -> updatedBy(PERSON, node), "only the operator writes them");
        Node labelled = updatedBy(OPERATOR, node);
        labelled.getMetadata().getLabels().put("zone", "y");
        Node moved = updatedBy(PERSON, labelled);
        moved.getMetadata().getLabels().remove(Names.nodeLabel(STAMP));
        forbidden(() -> updatedBy(PERSON, moved), "only the operator writes them");
    }

    /** A rule of Kubernetes' own (NodeRestriction), which holds without the project's policies too. */
    @Test
    void aKubeletLabelsNoNodeWithWhatIsProved() {
        User kubelet = new User("system:node:n-8", "system:nodes");
        Node own = as(
                kubelet,
                new NodeBuilder()
                        .withNewMetadata()
                        .withName("n-8")
                        .endMetadata()
                        .build());
        Node other = as(
                PERSON,
                new NodeBuilder()
                        .withNewMetadata()
                        .withName("n-7")
                        .endMetadata()
                        .build());
        String label = Names.nodeLabel(STAMP);
        own.getMetadata().setLabels(Map.of(label, "true"));
        forbidden(() -> updatedBy(kubelet, own), "is not allowed to modify labels: " + label);
        other.getMetadata().setLabels(Map.of("zone", "z"));
        forbidden(() -> updatedBy(kubelet, other), "is not allowed to modify node \"n-7\"");
    }

    /** One stolen token could else take a profile from all nodes that share it. */
    @Test
    void contentThatWasFoundValidStaysAndALieIsMended() throws Exception {
        try (InputStream stored =
                Files.newInputStream(Path.of("src/test/resources/stored/v0.1.0/abiprofile-49f2fbd606dff224.yaml"))) {
            GenericKubernetesResource profile =
                    admin.getKubernetesSerialization().unmarshal(stored, GenericKubernetesResource.class);
            Object truth = profile.getAdditionalProperties().get("spec");
            Map<String, Object> lie = new HashMap<>(profile.<Map<String, Object>>get("spec"));
            lie.put("capabilities", Map.of("1", 1));
            profile.setAdditionalProperty("spec", lie);
            GenericKubernetesResource written = as(AGENT.onNode("n-1"), profile);
            written = found(written, "False");
            written.setAdditionalProperty("spec", truth);
            GenericKubernetesResource mended = found(updatedBy(AGENT.onNode("n-2"), written), "True");
            mended.getMetadata().setLabels(Map.of("seen", "true"));
            GenericKubernetesResource labelled = updatedBy(PERSON, mended);
            labelled.setAdditionalProperty("spec", lie);
            for (User user : List.of(AGENT.onNode("n-1"), PERSON, OPERATOR)) {
                assertThatThrownBy(() -> updatedBy(user, labelled))
                        .isInstanceOfSatisfying(KubernetesClientException.class, e -> {
                            assertThat(e.getCode()).isEqualTo(422);
                            assertThat(e.getStatus().getMessage()).contains("and stays as it is");
                        });
            }
        }
    }

    /** As the operator says whether the content is what its name says. */
    private static GenericKubernetesResource found(GenericKubernetesResource object, String valid) {
        object.setAdditionalProperty(
                "status",
                Map.of(
                        "conditions",
                        List.of(Map.of(
                                "type", "Valid",
                                "status", valid,
                                "reason", "Reviewed",
                                "message", "",
                                "lastTransitionTime", "2026-01-01T00:00:00Z"))));
        try (KubernetesClient operator = server.client(OPERATOR)) {
            return operator.resource(object).updateStatus();
        }
    }
}
