package dev.vmabi.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.cli.VmAbi;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.devserver.Access;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBindingBuilder;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * The operator as it ships and real agents, with the rights of the chart: each has all it needs and nothing it does not
 * use. On a real API server RBAC refuses what the chart does not allow; on the embedded one, which allows everything,
 * what was asked for is compared.
 */
class RbacIT {
    private static final User OPERATOR = User.serviceAccount(Chart.NAMESPACE, "vmabi-operator");
    private static final User AGENT = User.serviceAccount(Chart.NAMESPACE, "vmabi-agent");
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec:
              nodeSelector: {matchLabels: {example.com/pool: pool}}
              vmm: {name: qemu, minimumVersion: "11.1"}
            """;

    /** The Operator SDK does not start without this right, and never uses it. */
    private static final Access ASKED_FOR = new Access(OPERATOR.name(), "update", "coordination.k8s.io", "leases");

    @Test
    void everyRightIsNeededAndNoneIsMissing() throws Exception {
        try (ApiServer server = ApiServers.startWithRbac();
                KubernetesClient admin = server.client()) {
            List<HasMetadata> chart = install(admin);
            new DemoCluster(admin).installKubeVirt();
            try (ReplayFleet nodes = new ReplayFleet(server);
                    OperatorProcess operator = new OperatorProcess(
                            server.kubeconfig(OPERATOR),
                            server.directory(),
                            "operator",
                            Map.of("vmabi.content.grace", "PT1S"))) {
                nodes.join("n-1", "pool", "linux-6.12-cortex-a76");
                nodes.join("n-2", "pool", "linux-6.18-cortex-a76");
                live(admin, operator);
                assertThat(Files.readString(operator.log())).doesNotContain("orbidden");
            }
            Set<Access> accesses = new HashSet<>(server.accesses());
            assertThat(accesses.add(ASKED_FOR)).as("used now: no exception").isTrue();
            for (User user : List.of(OPERATOR, AGENT)) {
                Rbac rbac = Rbac.of(user.name(), user.name().replaceAll(".*:", ""), chart);
                assertThat(rbac.used(accesses))
                        .as("what %s did, and what the chart allows it", user.name())
                        .isEqualTo(rbac.rights());
            }
            people(server, admin);
            if (server.authorizes()) {
                thieves(server);
            }
        }
    }

    /** Everything that the operator ever writes is written once. */
    private static void live(KubernetesClient admin, OperatorProcess operator) {
        await(operator, "it is ready", operator::ready);
        load(admin, POLICY).forEach(p -> admin.resource(p).create());
        await(
                operator,
                "two nodes have proved the baseline",
                () -> admin.resources(VirtualMachineABI.class)
                                .withName("pool")
                                .get()
                                .getStatus()
                                .nodes()
                                .accepting()
                        == 2);
        GenericKubernetesResource vm = admin.resource(new GenericKubernetesResourceBuilder()
                        .withApiVersion("kubevirt.io/v1")
                        .withKind("VirtualMachineInstance")
                        .withNewMetadata()
                        .withNamespace("default")
                        .withName("vm")
                        .endMetadata()
                        .addToAdditionalProperties("spec", Map.of("architecture", "arm64", "domain", Map.of()))
                        .addToAdditionalProperties("status", Map.of("phase", "Running", "nodeName", "n-1"))
                        .build())
                .create();
        await(
                operator,
                "the VM has a stamp",
                () -> admin.resource(vm).get().getMetadata().getLabels().containsKey(Names.STAMP));
        waitingMigration(admin, operator);
        Secret certificate = admin.secrets()
                .inNamespace(Chart.NAMESPACE)
                .withName("vmabi-gate-tls")
                .get();
        Secret rubbish = admin.resource(new SecretBuilder(certificate)
                        .withData(Map.of("tls.crt", "", "tls.key", ""))
                        .build())
                .update();
        await(
                operator,
                "the certificate is made anew",
                () -> !Objects.equals(admin.resource(rubbish).get().getData(), rubbish.getData()));
        await(
                operator,
                "the webhooks trust it",
                () -> admin
                        .admissionRegistration()
                        .v1()
                        .mutatingWebhookConfigurations()
                        .withName("vmabi-gate")
                        .get()
                        .getWebhooks()
                        .stream()
                        .allMatch(w -> w.getClientConfig().getCaBundle() != null));
        misnamed(admin, operator, ABIProfile.class, new ABIProfile());
        misnamed(admin, operator, GuestABI.class, new GuestABI());
    }

    /** A migration waits, and nodes that take its VM come: KubeVirt is to look again. */
    private static void waitingMigration(KubernetesClient admin, OperatorProcess operator) {
        GenericKubernetesResource migration = admin.resource(new GenericKubernetesResourceBuilder()
                        .withApiVersion("kubevirt.io/v1")
                        .withKind("VirtualMachineInstanceMigration")
                        .withNewMetadata()
                        .withNamespace("default")
                        .withName("move")
                        .endMetadata()
                        .addToAdditionalProperties(
                                "spec", Map.of("vmiName", "vm", "addedNodeSelector", Map.of("comes", "later")))
                        .build())
                .create();
        await(operator, "the migration is touched", () -> {
            for (String value : List.of("later", "never")) {
                admin.nodes().withName("n-2").patch("{\"metadata\":{\"labels\":{\"comes\":\"" + value + "\"}}}");
                Thread.sleep(1000);
            }
            return admin.resource(migration)
                    .get()
                    .getMetadata()
                    .getAnnotations()
                    .containsKey(Names.RETRIED);
        });
    }

    /** An object that is not what its name says is reported, and collected after the grace time. */
    private static <S, T extends CustomResource<S, ?>> void misnamed(
            KubernetesClient admin, OperatorProcess operator, Class<T> kind, T lie) {
        lie.setMetadata(new ObjectMetaBuilder().withName("0".repeat(64)).build());
        lie.setSpec(admin.resources(kind).list().getItems().getFirst().getSpec());
        T created = admin.resource(lie).create();
        await(
                operator,
                kind.getSimpleName() + " is collected",
                () -> admin.resource(created).get() == null);
    }

    /** What {@code kubectl vmabi} does for those who have the chart's roles, and for those who do not. */
    private static void people(ApiServer server, KubernetesClient admin) {
        for (String role : List.of("vmabi-view", "vmabi-edit")) {
            admin.resource(new ClusterRoleBindingBuilder()
                            .withNewMetadata()
                            .withName("people-" + role)
                            .endMetadata()
                            .withNewRoleRef("rbac.authorization.k8s.io", "ClusterRole", role)
                            .addNewSubject("rbac.authorization.k8s.io", "Group", role, null)
                            .build())
                    .create();
        }
        String digest = admin.resources(VirtualMachineABI.class)
                .withName("pool")
                .get()
                .getStatus()
                .baseline()
                .digest();
        User reader = new User("reader", "vmabi-view");
        assertThat(kubectl(server, reader, "status")).contains("pool");
        if (server.authorizes()) {
            assertThat(kubectl(server, new User("stranger"), "status")).contains("ask for the ClusterRole vmabi-view");
            PatchContext merge = PatchContext.of(PatchType.JSON_MERGE);
            String patch = "{\"spec\":{\"raise\":{\"approve\":\"" + digest + "\"}}}";
            try (KubernetesClient readers = server.client(reader);
                    KubernetesClient editors = server.client(new User("editor", "vmabi-view", "vmabi-edit"))) {
                assertThatThrownBy(() -> readers.resources(VirtualMachineABI.class)
                                .withName("pool")
                                .patch(merge, patch))
                        .hasMessageContaining("cannot patch resource \"virtualmachineabis\"");
                assertThat(editors.resources(VirtualMachineABI.class)
                                .withName("pool")
                                .patch(merge, patch))
                        .isNotNull();
            }
        }
    }

    /** What the operator's and an agent's token, stolen, do not open. */
    private static void thieves(ApiServer server) {
        try (KubernetesClient agent = server.client(AGENT.onNode("n-1"));
                KubernetesClient operator = server.client(OPERATOR)) {
            Node node = new NodeBuilder()
                    .withNewMetadata()
                    .withName("n-1")
                    .endMetadata()
                    .build();
            Pod pod = new PodBuilder()
                    .withNewMetadata()
                    .withName("p")
                    .withNamespace("default")
                    .endMetadata()
                    .withNewSpec()
                    .addNewContainer()
                    .withName("c")
                    .withImage("i")
                    .endContainer()
                    .endSpec()
                    .build();
            PatchContext merge = PatchContext.of(PatchType.JSON_MERGE);
            String any = "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}";
            refused(() -> agent.nodes().list());
            refused(() -> agent.resource(node).patch(merge, any));
            refused(() -> agent.secrets().inNamespace("default").list());
            refused(() -> agent.pods().inNamespace("default").list());
            refused(() -> agent.resource(pod).create());
            refused(() -> agent.resources(VirtualMachineABI.class).list());
            refused(() -> agent.resources(NodeABI.class).list());
            refused(() -> agent.resources(NodeABI.class).withName("n-1").delete());
            refused(() -> agent.resources(ABIProfile.class).list());
            refused(() ->
                    agent.resources(GuestABI.class).withName("0".repeat(64)).patch(merge, any));

            refused(() -> operator.secrets().inNamespace("default").list());
            refused(() -> operator.secrets()
                    .inNamespace(Chart.NAMESPACE)
                    .withName("another")
                    .get());
            refused(() -> operator.pods().inNamespace("default").list());
            refused(() -> operator.resource(pod).create());
            refused(() -> operator.resource(node).delete());
            refused(() -> operator.resources(VirtualMachineABI.class)
                    .withName("pool")
                    .patch(merge, "{\"spec\":{\"enforcement\":\"Audit\"}}"));
            refused(() -> operator.resources(ABIProfile.class)
                    .withName("0".repeat(64))
                    .patch(merge, any));
        }
    }

    private static void refused(ThrowingCallable attempt) {
        assertThatThrownBy(attempt)
                .isInstanceOfSatisfying(
                        KubernetesClientException.class,
                        e -> assertThat(e.getCode()).isEqualTo(403));
    }

    private static String kubectl(ApiServer server, User user, String... arguments) {
        CommandLine line = VmAbi.commandLine();
        StringWriter out = new StringWriter();
        line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(out, true));
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--kubeconfig", server.kubeconfig(user).toString()));
        int _ = line.execute(all.toArray(String[]::new));
        return out.toString();
    }

    private static List<HasMetadata> install(KubernetesClient admin) {
        List<HasMetadata> objects = Chart.manifests().entrySet().stream()
                .filter(m -> m.getKey().endsWith("vmabi.yaml"))
                .flatMap(m -> load(admin, m.getValue()).stream())
                .toList();
        // The namespace comes first.
        objects.forEach(o -> admin.resource(o).serverSideApply());
        return objects;
    }

    private static List<HasMetadata> load(KubernetesClient client, String yaml) {
        return client.load(new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8)))
                .items();
    }

    private static void await(OperatorProcess operator, String what, Callable<Boolean> condition) {
        try {
            Awaitility.await(what)
                    .atMost(Duration.ofMinutes(2))
                    .ignoreException(NullPointerException.class)
                    .until(condition);
        } catch (RuntimeException e) {
            throw new AssertionError(e.getMessage() + "\n" + operator.tail(), e);
        }
    }
}
