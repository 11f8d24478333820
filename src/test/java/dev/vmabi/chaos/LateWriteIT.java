package dev.vmabi.chaos;

import static dev.vmabi.chaos.TappedPool.HOST;
import static dev.vmabi.chaos.TappedPool.PATIENCE;
import static dev.vmabi.chaos.TappedPool.POOL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.demo.Story;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A write that leaves a leader in time and comes late must not take back what the next leader has written. */
class LateWriteIT {
    private static final int LATER = 7;
    private static final int MOST_NODES = 6;
    private static final String TOUCHED = "example.com/next-leader";

    /** A write takes two seconds to the server; after the first it is under way, after both it has arrived. */
    private static final Duration UNDER_WAY = Duration.ofMillis(400);

    private static final Duration ARRIVED = Duration.ofSeconds(3);

    @Test
    void aPinIsNotTakenBack() {
        try (TappedPool pool = new TappedPool()) {
            pool.start();
            KubernetesClient client = pool.client();
            await().atMost(PATIENCE).until(() -> pool.accepting() == 1);

            boolean inTime = false;
            for (int nodesBefore = 1; !inTime && nodesBefore < MOST_NODES; nodesBefore++) {
                inTime = isOvertaken(pool, nodesBefore);
            }
            assertThat(inTime)
                    .as("one of the writes was still on its way after a second")
                    .isTrue();
            assertThat(status(client).baseline().generation()).isEqualTo(LATER);
        }
    }

    @Test
    void aNodesLabelsAreNotTakenBack() {
        try (TappedPool pool = new TappedPool()) {
            pool.start();
            await().atMost(PATIENCE).until(() -> pool.accepting() == 1);

            pool.tap().writes(Tap.Trouble.SLOW);
            pool.nodes().join("n2", POOL, HOST);
            await().atMost(PATIENCE).until(() -> hasProved(pool.client(), "n2"));
            Story.pause(UNDER_WAY);
            pool.operator().kill();
            touch(pool.client().nodes().withName("n2"));

            Story.pause(ARRIVED);
            assertThat(labels(pool.client(), "n2")).contains(TOUCHED).noneMatch(LateWriteIT::isOurs);
        }
    }

    @Test
    void anAnswerToANodesReportIsNotTakenBack() {
        try (TappedPool pool = new TappedPool()) {
            pool.start();
            await().atMost(PATIENCE).until(() -> pool.accepting() == 1);
            Resource<NodeABI> report = pool.client().resources(NodeABI.class).withName("n2");

            pool.tap().writes(Tap.Trouble.SLOW);
            pool.nodes().join("n2", POOL, HOST);
            // The report is answered once the node has its labels.
            await().atMost(PATIENCE)
                    .until(() -> labels(pool.client(), "n2").anyMatch(l -> l.startsWith(Names.PROFILE_LABEL)));
            Story.pause(UNDER_WAY);
            pool.operator().kill();
            touch(report);

            Story.pause(ARRIVED);
            assertThat(report.get().getStatus()).isNull();
        }
    }

    /** Changes an object as another does that leads by now. */
    private static <T extends HasMetadata> void touch(Resource<T> object) {
        T _ = object.patch(
                PatchContext.of(PatchType.JSON_MERGE), "{\"metadata\":{\"labels\":{\"" + TOUCHED + "\":\"true\"}}}");
    }

    private static Stream<String> labels(KubernetesClient client, String node) {
        return client.nodes().withName(node).get().getMetadata().getLabels().keySet().stream();
    }

    private static boolean isOurs(String label) {
        return label.startsWith(Names.NODE_LABEL_PREFIX);
    }

    /** Has the operator count one more node, and the next leader pin before that has been written; false if it is too late. */
    private static boolean isOvertaken(TappedPool pool, int nodesBefore) {
        KubernetesClient client = pool.client();
        String node = "n" + (nodesBefore + 1);
        pool.tap().writes(Tap.Trouble.SLOW);
        pool.nodes().join(node, POOL, HOST);
        await().atMost(PATIENCE).until(() -> hasProved(client, node));
        // The operator has seen it by now and writes; that takes two seconds.
        Story.pause(Duration.ofSeconds(1));
        boolean inTime = pool.accepting() == nodesBefore;
        if (inTime) {
            VirtualMachineABI _ = client.resources(VirtualMachineABI.class)
                    .withName(POOL)
                    .subresource("status")
                    .patch(
                            PatchContext.of(PatchType.JSON_MERGE),
                            "{\"status\":{\"baseline\":{\"generation\":" + LATER + "}}}");
        }
        pool.tap().writes(Tap.Trouble.NONE);
        await().atMost(PATIENCE).until(() -> pool.accepting() == nodesBefore + 1);
        return inTime;
    }

    private static boolean hasProved(KubernetesClient client, String node) {
        return Optional.ofNullable(
                        client.resources(NodeABI.class).withName(node).get())
                .filter(n -> !n.getSpec().proofs().isEmpty())
                .isPresent();
    }

    private static VirtualMachineABIStatus status(KubernetesClient client) {
        return client.resources(VirtualMachineABI.class).withName(POOL).get().getStatus();
    }
}
