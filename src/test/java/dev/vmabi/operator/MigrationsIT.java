package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.Names;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.events.v1.Event;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** KubeVirt's migrations as the shipped operator follows them. */
class MigrationsIT {
    private static OperatedCluster cluster;
    private static OperatorProcess operator;

    @BeforeAll
    static void start() {
        cluster = new OperatedCluster();
        new DemoCluster(cluster.client).installKubeVirt();
        operator = cluster.operator("operator");
        cluster.nodes.join("old", "a", "linux-6.1-cortex-a76");
        cluster.nodes.join("new", "a", "linux-6.12-cortex-a76");
        cluster.applyPolicy("a");
        cluster.expect("a", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    /** A VM that booted on a node; returns its stamp. */
    private static String vm(String name, String node) {
        GenericKubernetesResource vmi = OperatedCluster.kubeVirt(
                "VirtualMachineInstance",
                name,
                Map.of(
                        "spec",
                        Map.of("architecture", "arm64", "domain", Map.of("devices", Map.of())),
                        "status",
                        Map.of("phase", "Running", "nodeName", node)));
        cluster.client.resource(vmi).create();
        cluster.await(() -> assertThat(
                        cluster.client.resource(vmi).get().getMetadata().getLabels())
                .containsKey(Names.STAMP));
        return cluster.client.resource(vmi).get().getMetadata().getLabels().get(Names.STAMP);
    }

    /** An evacuation whose target pod KubeVirt could not create. */
    private static GenericKubernetesResource waiting(String name, String vm) {
        GenericKubernetesResource vmim = OperatedCluster.kubeVirt(
                "VirtualMachineInstanceMigration", name, Map.of("spec", Map.of("vmiName", vm)));
        cluster.client.resource(vmim).create();
        return status(vmim, Map.of("phase", "Pending"));
    }

    private static GenericKubernetesResource status(GenericKubernetesResource vmim, Map<String, Object> status) {
        GenericKubernetesResource now = cluster.client.resource(vmim).get();
        now.setAdditionalProperty("status", status);
        return cluster.client.resource(now).updateStatus();
    }

    private static String retried(GenericKubernetesResource vmim) {
        return Objects.requireNonNullElse(
                        cluster.client.resource(vmim).get().getMetadata().getAnnotations(), Map.<String, String>of())
                .getOrDefault(Names.RETRIED, "");
    }

    private static double touches() {
        return operator.metrics()
                .lines()
                .filter(l -> l.startsWith("vmabi_writes_total{kind=\"VirtualMachineInstanceMigration\""))
                .mapToDouble(l -> Double.parseDouble(l.substring(l.lastIndexOf(' ') + 1)))
                .sum();
    }

    @Test
    void aWaitingMigrationIsTouchedOnceWhenANodeComesUpThatTakesItsVm() {
        String stamp = vm("waits", "new");
        GenericKubernetesResource vmim = waiting("evacuation-1", "waits");
        cluster.settle();
        double before = touches();
        cluster.nodes.join("lesser", "a", "linux-6.1-cortex-a76");
        cluster.await(() -> assertThat(cluster.labels("lesser")).isNotEmpty());
        cluster.settle();
        assertThat(retried(vmim))
                .as("a node that does not take it changes nothing")
                .isEmpty();

        cluster.nodes.join("newer", "a", "linux-6.12-cortex-a76");
        cluster.await(() -> assertThat(cluster.labels("newer")).contains(stamp));
        cluster.await(() -> assertThat(retried(vmim)).isNotEmpty());
        cluster.settle();
        assertThat(touches() - before).isEqualTo(1);

        cordon("newer", true);
        cluster.settle();
        assertThat(touches() - before).as("that it closes again is no reason").isEqualTo(1);
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .pollDelay(Duration.ofSeconds(10))
                .until(() -> true);
        cordon("newer", false);
        cluster.await(() -> assertThat(touches() - before).isEqualTo(2));

        status(vmim, Map.of("phase", "Scheduling"));
        cordon("newer", true);
        cluster.settle();
        cordon("newer", false);
        cluster.settle();
        assertThat(touches() - before).as("one that goes on is left alone").isEqualTo(2);
    }

    private static void cordon(String node, boolean cordoned) {
        cluster.client
                .nodes()
                .withName(node)
                .edit(n -> new NodeBuilder(n)
                        .editOrNewSpec()
                        .withUnschedulable(cordoned)
                        .endSpec()
                        .build());
    }

    @Test
    void aMoveThatCannotBeTakenBackIsSaidToHaveBeenOne() {
        vm("moves", "old");
        GenericKubernetesResource vmim = waiting("migration-1", "moves");
        cluster.settle();
        status(vmim, Map.of("phase", "Running"));
        cluster.settle();
        status(vmim, Map.of("phase", "Succeeded", "migrationState", Map.of("sourceNode", "old", "targetNode", "new")));
        cluster.await(() -> assertThat(notes("migration-1"))
                .singleElement()
                .asString()
                .startsWith("VM default/moves moved from old to new, and old would not take it back: "));
    }

    private static List<String> notes(String about) {
        return cluster.client.events().v1().events().inNamespace("default").list().getItems().stream()
                .filter(e -> e.getRegarding().getName().equals(about))
                .filter(e -> e.getReason().equals("OneWayMove"))
                .map(Event::getNote)
                .toList();
    }
}
