package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmabi.api.Names;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * The shipped operator and its gate with KubeVirt's own virt-controller and Kubernetes' own scheduler: N is Linux 6.1,
 * N+1 Linux 6.12, both recorded on Cortex-A76. Each step begins with what the one before it left.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class VirtControllerIT {
    private static OperatedCluster cluster;
    private static OperatorProcess operator;
    private static VirtController kubevirt;
    private static KubeVirtNodes nodes;

    @BeforeAll
    static void start() {
        Optional<String> missing = VirtController.missing();
        missing.ifPresent(what -> System.out.println("VirtControllerIT is skipped: " + what));
        assumeTrue(missing.isEmpty(), "no virt-controller");
        cluster = new OperatedCluster();
        DemoCluster install = new DemoCluster(cluster.client);
        install.installKubeVirt();
        operator = cluster.operator("operator");
        install.gate(operator.gatePort());
        nodes = new KubeVirtNodes(cluster.server);
        join("n", "linux-6.1-cortex-a76");
        cluster.applyPolicy("a");
        cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(1));
        kubevirt = new VirtController(cluster.server);
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            nodes.close();
            kubevirt.close();
            cluster.close();
        }
    }

    private static void join(String node, String recorded) {
        cluster.nodes.join(node, "a", recorded);
        nodes.equip(node);
    }

    /** A VM boots; returns the stamp that it gets. */
    private static String boot(String vm) {
        Pod pod = nodes.boot(vm);
        assertThat(pod.getSpec().getNodeSelector().keySet())
                .as("its pod is held to the baseline")
                .anyMatch(k -> k.startsWith(Names.NODE_LABEL_PREFIX));
        cluster.await(() -> assertThat(stamp(vm)).isNotEmpty());
        return stamp(vm);
    }

    private static String stamp(String vm) {
        return Optional.ofNullable(nodes.vmi(vm).getMetadata().getLabels())
                .orElse(Map.of())
                .getOrDefault(Names.STAMP, "");
    }

    private static String phase(GenericKubernetesResource vmim) {
        GenericKubernetesResource now = cluster.client.resource(vmim).get();
        return now == null ? "gone" : now.get("status", "phase");
    }

    /** KubeVirt's own events about an object. */
    private static List<Event> events(String about, String reason) {
        return cluster.client.v1().events().inNamespace("default").list().getItems().stream()
                .filter(e -> e.getInvolvedObject().getName().equals(about))
                .filter(e -> e.getReason().equals(reason))
                .toList();
    }

    private static double admissions(String hook, String verdict) {
        return operator.metrics()
                .lines()
                .filter(l -> l.startsWith("vmabi_admissions_total{")
                        && l.contains("hook=\"" + hook + "\"")
                        && l.contains("verdict=\"" + verdict + "\""))
                .mapToDouble(l -> Double.parseDouble(l.substring(l.lastIndexOf(' ') + 1)))
                .sum();
    }

    private static void say(String what) {
        System.out.println("VirtControllerIT: " + what);
    }

    @Test
    @Order(1)
    void aPersonsMigrationIsSteeredAndItsTargetPodIsHeld() {
        String born = boot("goes");
        join("n1", "linux-6.12-cortex-a76");
        cluster.await(() -> assertThat(nodes.mayMigrate("goes")).isTrue());
        assertThat(cluster.labels("n1")).contains(born);

        GenericKubernetesResource vmim = nodes.migrate("goes", "goes-1");
        assertThat(vmim.<Map<String, String>>get("spec", "addedNodeSelector"))
                .containsEntry(Names.nodeLabel(born), "true");
        Pod target = nodes.arrives(vmim);
        assertThat(target.getMetadata().getLabels())
                .as("KubeVirt carries the stamp to the pod")
                .containsEntry(Names.STAMP, born);
        assertThat(target.getSpec().getNodeSelector()).containsEntry(Names.nodeLabel(born), "true");
        assertThat(target.getSpec().getNodeName()).isEqualTo("n1");
        cluster.await(() -> assertThat(phase(vmim)).isEqualTo("Succeeded"));
        cluster.await(() -> assertThat(stamp("goes")).isNotEmpty().isNotEqualTo(born));
        say("goes: from n to n1, stamp " + born + " became " + stamp("goes"));
    }

    @Test
    @Order(2)
    void theWayBackIsDeniedAtOnce() {
        assertThatThrownBy(() -> nodes.migrate("goes", "goes-2"))
                .isInstanceOfSatisfying(KubernetesClientException.class, e -> {
                    assertThat(e.getCode()).isEqualTo(403);
                    assertThat(e.getMessage()).contains("has no other node to go to");
                });
        assertThat(nodes.migrations("goes")).hasSize(1);
        cluster.await(() -> assertThat(events("goes", "MigrationDenied"))
                .singleElement()
                .satisfies(e -> {
                    assertThat(e.getMessage()).contains("has no other node to go to");
                    assertThat(e.getInvolvedObject().getKind()).isEqualTo("VirtualMachineInstance");
                }));
    }

    @Test
    @Order(3)
    void aDrainWaitsWithoutASlotAndGoesOnWhenANodeComesUp() {
        String has = stamp("goes");
        nodes.status("goes", status -> status.put("evacuationNodeName", "n1"));
        cluster.await(() -> assertThat(nodes.migrations("goes")).hasSize(2));
        GenericKubernetesResource vmim = nodes.migrations("goes").stream()
                .filter(m -> m.getMetadata().getName().startsWith("kubevirt-evacuation-"))
                .findFirst()
                .orElseThrow();
        cluster.await(() -> assertThat(events("goes", "FailedCreate"))
                .anySatisfy(e -> assertThat(e.getMessage()).contains("has no other node to go to")));
        String uid = vmim.getMetadata().getUid();
        Instant from = Instant.now();
        double before = admissions("pod", "deny");
        sleep(Duration.ofSeconds(20));
        say("evacuation: " + phase(vmim) + "; in the "
                + Duration.between(from, Instant.now()).toSeconds()
                + " s after the first denial KubeVirt asked for its pod "
                + (long) (admissions("pod", "deny") - before) + " more times");
        assertThat(phase(vmim)).isEqualTo("Pending");
        assertThat(targets(vmim)).isEmpty();

        join("n2", "linux-6.12-cortex-a76");
        cluster.await(() -> assertThat(cluster.labels("n2")).contains(has));
        Instant labelled = Instant.now();
        Pod target = nodes.placed("kubevirt.io/migrationJobUID", uid);
        say("evacuation: its pod was placed on " + target.getSpec().getNodeName() + " "
                + Duration.between(labelled, Instant.now()).toMillis() + " ms after n2 was labelled");
        assertThat(target.getSpec().getNodeName()).isEqualTo("n2");
        assertThat(cluster.client.resource(vmim).get().getMetadata().getAnnotations())
                .as("the operator's touch")
                .containsKey(Names.RETRIED);
        Pod _ = nodes.arrives(vmim);
        cluster.await(() -> assertThat(phase(vmim)).isEqualTo("Succeeded"));
    }

    @Test
    @Order(4)
    void aWorkloadUpdateIsLetThroughAndWaits() {
        nodes.cordon("n1", true);
        nodes.outdate("goes");
        double before = admissions("migration", "steer");
        workloadUpdates(List.of("LiveMigrate"));
        cluster.await(() -> assertThat(nodes.migrations("goes"))
                .anyMatch(m -> m.getMetadata().getName().startsWith("kubevirt-workload-update-")));
        GenericKubernetesResource vmim = nodes.migrations("goes").stream()
                .filter(m -> m.getMetadata().getName().startsWith("kubevirt-workload-update-"))
                .findFirst()
                .orElseThrow();
        sleep(Duration.ofSeconds(10));
        say("workload update: " + phase(vmim) + ", migrations created in ten seconds: "
                + (long) (admissions("migration", "steer") - before));
        assertThat(phase(vmim)).isEqualTo("Pending");
        assertThat(targets(vmim)).isEmpty();
        assertThat(admissions("migration", "steer") - before).isEqualTo(1);

        nodes.cordon("n1", false);
        Pod _ = nodes.arrives(vmim);
        cluster.await(() -> assertThat(phase(vmim)).isEqualTo("Succeeded"));
        workloadUpdates(List.of());
    }

    /** Why the gate never denies a workload update: virt-controller asks again without a pause. */
    @Test
    @Order(5)
    void aDeniedWorkloadUpdateIsAskedForAgainWithoutAPause() {
        cluster.apply("""
                apiVersion: admissionregistration.k8s.io/v1
                kind: ValidatingAdmissionPolicy
                metadata: {name: deny-workload-updates}
                spec:
                  matchConstraints:
                    resourceRules:
                      - {apiGroups: [kubevirt.io], apiVersions: ["*"], operations: [CREATE], resources: [virtualmachineinstancemigrations]}
                  validations: [{expression: "!has(object.metadata.annotations) || !('kubevirt.io/workloadUpdateMigration' in object.metadata.annotations)"}]
                ---
                apiVersion: admissionregistration.k8s.io/v1
                kind: ValidatingAdmissionPolicyBinding
                metadata: {name: deny-workload-updates}
                spec: {policyName: deny-workload-updates, validationActions: [Deny]}
                """);
        sleep(Duration.ofSeconds(5));
        nodes.outdate("goes");
        workloadUpdates(List.of("LiveMigrate"));
        cluster.await(() -> assertThat(events("goes", "FailedCreate"))
                .anySatisfy(e -> assertThat(e.getMessage()).contains("deny-workload-updates")));
        double before = admissions("migration", "steer");
        sleep(Duration.ofSeconds(5));
        double asked = admissions("migration", "steer") - before;
        workloadUpdates(List.of());
        say("a workload update that is denied is asked for " + Math.round(asked / 5) + " times a second");
        assertThat(asked).isGreaterThan(50);
    }

    @Test
    @Order(6)
    void aFirstBootThatNoNodeTakesWaitsAndIsNeverDenied() {
        join("late", "linux-6.1-cortex-a57");
        cluster.expect("a", s -> assertThat(s.nodes().fenced()).isEqualTo(1));
        nodes.create("waits", Map.of("kubernetes.io/hostname", "late"));
        cluster.await(() -> assertThat(nodes.pods("vmi.kubevirt.io/id", "waits"))
                .anySatisfy(p -> assertThat(p.getStatus().getConditions())
                        .anySatisfy(c -> assertThat(c.getReason()).isEqualTo("Unschedulable"))));
        cluster.nodes.reboot("late", "linux-6.1-cortex-a76");
        cluster.nodes.agentComesUp("late", "linux-6.1-cortex-a76");
        assertThat(nodes.comesUp("waits").getSpec().getNodeName()).isEqualTo("late");
        assertThat(events("waits", "FailedCreate")).isEmpty();
    }

    @Test
    @Order(7)
    void whileTheGateIsDownATargetIsHeldAndGoesOnAfterwards() {
        operator.close();
        GenericKubernetesResource vmim = nodes.migrate("goes", "goes-7");
        assertThat(vmim.<Map<String, String>>get("spec", "addedNodeSelector")).isNull();
        cluster.await(() -> assertThat(events("goes", "FailedCreate"))
                .anySatisfy(e -> assertThat(e.getMessage()).contains("failed calling webhook")));
        assertThat(phase(vmim)).isEqualTo("Pending");
        assertThat(targets(vmim)).isEmpty();

        operator = cluster.operator("second");
        cluster.gate().edit(c -> {
            c.getWebhooks()
                    .forEach(w -> w.getClientConfig()
                            .setUrl(w.getClientConfig()
                                    .getUrl()
                                    .replaceFirst(":\\d+/", ":" + operator.gatePort() + "/")));
            return c;
        });
        Instant back = Instant.now();
        String has = stamp("goes");
        Pod target = nodes.arrives(vmim);
        say("the gate is back: the target was placed on " + target.getSpec().getNodeName() + " after "
                + Duration.between(back, Instant.now()).toSeconds() + " s");
        assertThat(target.getSpec().getNodeSelector()).containsEntry(Names.nodeLabel(has), "true");
        cluster.await(() -> assertThat(phase(vmim)).isEqualTo("Succeeded"));
    }

    @Test
    @Order(8)
    void withTheOperatorStoppedTheApiServersOwnRuleHoldsATarget() throws IOException {
        operator.close();
        cluster.gate().edit(c -> {
            c.getWebhooks().stream()
                    .filter(w -> w.getName().startsWith("target."))
                    .forEach(w -> w.setFailurePolicy("Ignore"));
            return c;
        });
        cluster.apply(Files.readString(Path.of("src/main/resources/dev/vmabi/gate/policies.yaml")));
        String has = stamp("goes");
        Set<String> take = cluster.client.nodes().withLabel(Names.nodeLabel(has)).list().getItems().stream()
                .map(n -> n.getMetadata().getName())
                .collect(Collectors.toSet());
        assertThat(take).as("there are nodes that do not take it").doesNotContain("n", "late");
        cluster.await(() -> assertThat(nodes.wouldBecome("goes", has).getSpec().getNodeSelector())
                .containsEntry(Names.nodeLabel(has), "true"));
        GenericKubernetesResource vmim = nodes.migrate("goes", "goes-8");
        Pod target = nodes.arrives(vmim);
        assertThat(target.getSpec().getNodeSelector()).containsEntry(Names.nodeLabel(has), "true");
        assertThat(take).contains(target.getSpec().getNodeName());
        cluster.await(() -> assertThat(phase(vmim)).isEqualTo("Succeeded"));
        say("with the operator stopped goes moved to " + target.getSpec().getNodeName());
    }

    private static List<Pod> targets(GenericKubernetesResource vmim) {
        return nodes.pods("kubevirt.io/migrationJobUID", vmim.getMetadata().getUid());
    }

    private static void workloadUpdates(List<String> methods) {
        cluster.client
                .genericKubernetesResources("kubevirt.io/v1", "KubeVirt")
                .inNamespace("kubevirt")
                .withName("kubevirt")
                .edit(k -> {
                    Map<String, Object> spec = new HashMap<>(k.<Map<String, Object>>get("spec"));
                    spec.put("workloadUpdateStrategy", Map.of("workloadUpdateMethods", methods));
                    k.setAdditionalProperty("spec", spec);
                    return k;
                });
    }

    private static void sleep(Duration time) {
        Awaitility.await().pollDelay(time).atMost(time.plusSeconds(10)).until(() -> true);
    }
}
