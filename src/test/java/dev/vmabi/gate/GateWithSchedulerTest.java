package dev.vmabi.gate;

import static dev.vmabi.gate.TestFleet.N;
import static dev.vmabi.gate.TestFleet.N1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmabi.api.Names;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.RecentDecisions;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodCondition;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfiguration;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Where Kubernetes' own scheduler puts pods that the gate has seen, on nodes labelled as the operator labels them: N is
 * Linux 6.1, N+1 Linux 6.12, both recorded on Cortex-A76. Needs kube-scheduler beside a real kube-apiserver.
 */
class GateWithSchedulerTest {
    private static final User CONTROLLER = User.serviceAccount("kubevirt", "kubevirt-controller");
    private static final User PERSON = new User("alice", "platform-team");
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final ServingKeys KEYS = new ServingKeys();

    private static ApiServer server;
    private static KubernetesClient admin;
    private static KubernetesClient controller;
    private static KubernetesClient person;
    private static Process scheduler;
    private static AdmissionServer gate;
    private static volatile Fleet fleet;

    @BeforeAll
    static void start() throws Exception {
        String assets = System.getenv("KUBEBUILDER_ASSETS");
        boolean there = assets != null && Files.isExecutable(Path.of(assets, "kube-scheduler"));
        if (!there) {
            System.out.println("GateWithSchedulerTest is skipped: KUBEBUILDER_ASSETS names no kube-scheduler");
        }
        assumeTrue(there, "no kube-scheduler");
        server = ApiServers.start();
        admin = server.client();
        controller = server.client(CONTROLLER);
        person = server.client(PERSON);
        try (InputStream crds = GateWithSchedulerTest.class.getResourceAsStream("/kubevirt/crds.yaml")) {
            admin.load(crds).create();
        }
        for (String namespace : List.of(TestFleet.NAMESPACE, "vmabi-system")) {
            admin.resource(new NamespaceBuilder()
                            .withNewMetadata()
                            .withName(namespace)
                            .endMetadata()
                            .build())
                    .create();
        }
        become(TestFleet.rolling());
        scheduler = new ProcessBuilder(
                        assets + "/kube-scheduler",
                        "--kubeconfig=" + server.kubeconfig(),
                        "--leader-elect=false",
                        "--secure-port=0")
                .redirectErrorStream(true)
                .redirectOutput(server.directory().resolve("kube-scheduler.log").toFile())
                .start();
        certificate().ensure();
        gate = new AdmissionServer(
                0,
                KEYS,
                new Admissions(() -> Optional.of(fleet), new SimpleMeterRegistry(), new RecentDecisions())::answer);
        try (InputStream yaml = Gate.class.getResourceAsStream("webhooks.yaml")) {
            MutatingWebhookConfiguration configuration =
                    Serialization.unmarshal(yaml, MutatingWebhookConfiguration.class);
            configuration.getWebhooks().forEach(w -> {
                String path = w.getClientConfig().getService().getPath();
                w.getClientConfig().setService(null);
                w.getClientConfig().setUrl("https://127.0.0.1:" + gate.port() + path);
            });
            admin.resource(configuration).create();
        }
        certificate().ensure();
        Awaitility.await("the gate is asked")
                .atMost(PATIENCE)
                .until(() -> selector(launcher("vm-old", "")).containsKey(label(N)));
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (server == null) {
            return;
        }
        scheduler.destroy();
        scheduler.waitFor();
        gate.close();
        person.close();
        controller.close();
        admin.close();
        server.close();
    }

    private static SelfManagedCertificate certificate() {
        return new SelfManagedCertificate(
                admin, "vmabi-system", "vmabi-gate-tls", "vmabi-gate", List.of("127.0.0.1"), KEYS, Clock.systemUTC());
    }

    /** The gate's fleet, and the cluster's nodes with the labels that the operator gives them. */
    private static void become(TestFleet now) {
        Fleet next = now.build();
        for (FleetState.Node node : next.state().nodes()) {
            if (admin.nodes().withName(node.name()).get() != null) {
                admin.nodes()
                        .withName(node.name())
                        .edit(n -> new NodeBuilder(n)
                                .editMetadata()
                                .withLabels(node.labels())
                                .endMetadata()
                                .build());
                continue;
            }
            Map<String, Quantity> room =
                    Map.of("cpu", new Quantity("64"), "memory", new Quantity("256Gi"), "pods", new Quantity("250"));
            admin.resource(new NodeBuilder()
                            .withNewMetadata()
                            .withName(node.name())
                            .withLabels(node.labels())
                            .endMetadata()
                            .build())
                    .create();
            admin.nodes()
                    .withName(node.name())
                    .editStatus(n -> new NodeBuilder(n)
                            .withNewStatus()
                            .withCapacity(room)
                            .withAllocatable(room)
                            .addNewCondition()
                            .withType("Ready")
                            .withStatus("True")
                            .endCondition()
                            .endStatus()
                            .build());
        }
        fleet = next;
    }

    private static String label(String host) {
        return Names.nodeLabel(TestFleet.born(host).digest());
    }

    private static Map<String, String> selector(Pod pod) {
        return pod.getSpec().getNodeSelector();
    }

    /** A launcher pod as virt-controller renders it; with the uid of a migration it is the target of that one. */
    private static Pod launcher(String vm, String migration, Map<String, String> more) {
        Map<String, String> labels =
                new HashMap<>(Map.of("kubevirt.io", "virt-launcher", "kubevirt.io/created-by", "uid-" + vm));
        if (!migration.isEmpty()) {
            labels.put("kubevirt.io/migrationJobUID", migration);
            fleet.vm(TestFleet.NAMESPACE, vm).flatMap(FleetState.Vm::stamp).ifPresent(s -> labels.put(Names.STAMP, s));
        }
        Map<String, String> selector = new HashMap<>(more);
        selector.put("kubernetes.io/arch", "arm64");
        selector.put("kubevirt.io/schedulable", "true");
        return controller
                .resource(new PodBuilder()
                        .withNewMetadata()
                        .withNamespace(TestFleet.NAMESPACE)
                        .withGenerateName("virt-launcher-" + vm + "-")
                        .withLabels(labels)
                        .withAnnotations(Map.of("kubevirt.io/domain", vm))
                        .endMetadata()
                        .withNewSpec()
                        .withNodeSelector(selector)
                        .addNewContainer()
                        .withName("compute")
                        .withImage("virt-launcher")
                        .endContainer()
                        .endSpec()
                        .build())
                .create();
    }

    private static Pod launcher(String vm, String migration) {
        return launcher(vm, migration, Map.of());
    }

    private static GenericKubernetesResource migration(
            KubernetesClient by, String vm, Map<String, String> annotations, Map<String, String> added) {
        return by.resource(new GenericKubernetesResourceBuilder()
                        .withApiVersion("kubevirt.io/v1")
                        .withKind("VirtualMachineInstanceMigration")
                        .withNewMetadata()
                        .withNamespace(TestFleet.NAMESPACE)
                        .withGenerateName("migration-")
                        .withAnnotations(annotations)
                        .endMetadata()
                        .addToAdditionalProperties(
                                "spec", new HashMap<>(Map.of("vmiName", vm, "addedNodeSelector", added)))
                        .build())
                .create();
    }

    private static String scheduledTo(Pod pod) {
        Awaitility.await("kube-scheduler to place " + pod.getMetadata().getName())
                .atMost(PATIENCE)
                .until(() -> admin.resource(pod).get().getSpec().getNodeName() != null);
        return admin.resource(pod).get().getSpec().getNodeName();
    }

    /** Why the scheduler leaves the pod where it is. */
    private static String unschedulable(Pod pod) {
        Awaitility.await("kube-scheduler to give up on " + pod.getMetadata().getName())
                .atMost(PATIENCE)
                .until(() -> admin.resource(pod).get().getStatus().getConditions().stream()
                        .anyMatch(c -> "Unschedulable".equals(c.getReason())));
        return admin.resource(pod).get().getStatus().getConditions().stream()
                .map(PodCondition::getMessage)
                .findFirst()
                .orElse("");
    }

    private static void denied(ThrowingCallable attempt) {
        assertThatThrownBy(attempt).isInstanceOfSatisfying(KubernetesClientException.class, e -> {
            assertThat(e.getCode()).isEqualTo(403);
            assertThat(e.getStatus().getMessage()).contains("has no other node to go to");
        });
    }

    @Test
    void newVmsBootWhereTheBaselineWasProved() {
        assertThat(scheduledTo(launcher("vm-fresh", ""))).isIn("n-1", "n-2", "n1-1");
        Pod pod = launcher("vm-fresh", "", Map.of("kubernetes.io/hostname", "n1-1"));
        assertThat(selector(pod)).containsEntry(label(N), "true");
        assertThat(scheduledTo(pod)).isEqualTo("n1-1");
    }

    @Test
    void fromNToNPlusOneGoes() {
        Map<String, String> newer = Map.of("kubernetes.io/hostname", "n1-1");
        GenericKubernetesResource migration = migration(person, "vm-old", Map.of(), newer);
        Map<String, String> added = migration.get("spec", "addedNodeSelector");
        assertThat(added).containsEntry(label(N), "true");
        assertThat(scheduledTo(launcher("vm-old", migration.getMetadata().getUid(), added)))
                .isEqualTo("n1-1");
    }

    @Test
    void fromNPlusOneToNIsBlockedForEveryOriginAndGoesOnceANodeTakesIt() {
        denied(() -> migration(person, "vm-new", Map.of(), Map.of()));
        denied(() -> migration(
                server.client(User.serviceAccount("kubevirt", "kubevirt-apiserver")), "vm-new", Map.of(), Map.of()));
        for (String origin : List.of("kubevirt.io/evacuationMigration", "kubevirt.io/workloadUpdateMigration")) {
            GenericKubernetesResource waits = migration(controller, "vm-new", Map.of(origin, ""), Map.of());
            Map<String, String> added = waits.get("spec", "addedNodeSelector");
            String uid = waits.getMetadata().getUid();
            int pods = pods();
            denied(() -> launcher("vm-new", uid, added));
            assertThat(pods()).as("no pod holds a migration slot").isEqualTo(pods);
            become(TestFleet.rolling().node("n1-2", "a", N1));
            assertThat(scheduledTo(launcher("vm-new", uid, added))).isIn("n1-2", "n1-1");
            become(TestFleet.rolling().node("n1-2", "a", N1, true, false));
        }
    }

    private static int pods() {
        return admin.pods().inNamespace(TestFleet.NAMESPACE).list().getItems().size();
    }

    @Test
    void podsThatAreNoVmsGoAnywhere() {
        Pod pod = controller
                .resource(new PodBuilder()
                        .withNewMetadata()
                        .withNamespace(TestFleet.NAMESPACE)
                        .withGenerateName("web-")
                        .endMetadata()
                        .withNewSpec()
                        .addNewContainer()
                        .withName("web")
                        .withImage("web")
                        .endContainer()
                        .endSpec()
                        .build())
                .create();
        assertThat(selector(pod)).isNullOrEmpty();
        assertThat(scheduledTo(pod)).isNotEmpty();
    }

    @Test
    void withoutTheOperatorTheApiServerHoldsTargetsItself() throws Exception {
        MutatingWebhookConfiguration webhooks = admin.admissionRegistration()
                .v1()
                .mutatingWebhookConfigurations()
                .withName("vmabi-gate")
                .get();
        admin.resource(webhooks).delete();
        try (InputStream yaml = Gate.class.getResourceAsStream("policies.yaml")) {
            admin.load(yaml).create();
        }
        try {
            Awaitility.await("the policies are in force")
                    .atMost(PATIENCE)
                    .until(() -> selector(launcher("vm-old", "m-1")).containsKey(label(N)));
            Pod older = launcher("vm-old", "m-2", Map.of("kubernetes.io/hostname", "n1-1"));
            assertThat(scheduledTo(older)).isEqualTo("n1-1");
            Pod newer = launcher("vm-new", "m-3", Map.of("kubernetes.io/hostname", "n-2"));
            assertThat(selector(newer)).containsEntry(label(N1), "true");
            assertThat(unschedulable(newer)).contains("node affinity/selector");
        } finally {
            try (InputStream yaml = Gate.class.getResourceAsStream("policies.yaml")) {
                admin.load(yaml).delete();
            }
            webhooks.getMetadata().setResourceVersion(null);
            webhooks.getMetadata().setUid(null);
            admin.resource(webhooks).create();
            Awaitility.await("the gate is asked again")
                    .atMost(PATIENCE)
                    .until(() -> selector(launcher("vm-old", "")).containsKey(label(N)));
        }
    }
}
