package dev.vmabi.chaos;

import static dev.vmabi.chaos.TappedPool.HOST;
import static dev.vmabi.chaos.TappedPool.PATIENCE;
import static dev.vmabi.chaos.TappedPool.POOL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.demo.KubeVirtStandIn;
import dev.vmabi.demo.ReplayFleet;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.net.HttpURLConnection;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A write that leaves a leader in time and comes late must not take back what the next leader has written. */
class LateWriteIT {
    private static final int LATER = 7;
    private static final String OTHER_HOST = "linux-6.18-max";

    private static TappedPool pool;
    private static KubernetesClient client;

    @BeforeAll
    static void aPinnedPool() {
        pool = new TappedPool();
        client = pool.client();
        pool.start();
        await().atMost(PATIENCE).until(() -> pool.accepting() == 1);
        await().atMost(PATIENCE).until(() -> hasOurLabels("n1"));
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    @Test
    void aPinIsNotTakenBack() {
        int before = pool.accepting();
        HeldWrite count = pool.tap().hold("/apis/vmabi.dev/v1alpha1/virtualmachineabis/" + POOL + "/status");
        pool.nodes().join("counted", POOL, HOST);
        count.awaitLeft(PATIENCE);
        VirtualMachineABI _ = client.resources(VirtualMachineABI.class)
                .withName(POOL)
                .subresource("status")
                .patch(
                        PatchContext.of(PatchType.JSON_MERGE),
                        "{\"status\":{\"baseline\":{\"generation\":" + LATER + "}}}");

        assertThat(count.letGo(PATIENCE)).isEqualTo(HttpURLConnection.HTTP_CONFLICT);
        await("the count").atMost(PATIENCE).until(() -> pool.accepting() > before);
        assertThat(client.resources(VirtualMachineABI.class)
                        .withName(POOL)
                        .get()
                        .getStatus()
                        .baseline()
                        .generation())
                .isEqualTo(LATER);
    }

    @Test
    void aNodesLabelsAreNotTakenBack() {
        HeldWrite labels = pool.tap().hold("/api/v1/nodes/labelled");
        pool.nodes().join("labelled", POOL, HOST);
        isRefusedWhenOvertaken(labels, client.nodes().withName("labelled"));
        await("labels").atMost(PATIENCE).until(() -> hasOurLabels("labelled"));
    }

    @Test
    void anAnswerToANodesReportIsNotTakenBack() {
        Resource<NodeABI> report = client.resources(NodeABI.class).withName("answered");
        HeldWrite status = pool.tap().hold("/apis/vmabi.dev/v1alpha1/nodeabis/answered/status");
        pool.nodes().join("answered", POOL, HOST);
        isRefusedWhenOvertaken(status, report);
        await("an answer").atMost(PATIENCE).until(() -> report.get().getStatus() != null);
    }

    @Test
    void whatIsSaidOfContentIsNotTakenBack() {
        String digest = ReplayFleet.recorded(OTHER_HOST).profile().digest().hex();
        Resource<ABIProfile> profile = client.resources(ABIProfile.class).withName(digest);
        HeldWrite status = pool.tap().hold("/apis/vmabi.dev/v1alpha1/abiprofiles/" + digest + "/status");
        pool.nodes().join("other", POOL, OTHER_HOST);
        isRefusedWhenOvertaken(status, profile);
        await("an answer").atMost(PATIENCE).until(() -> profile.get().getStatus() != null);
    }

    @Test
    void aStampIsNotTakenBack() {
        Resource<GenericKubernetesResource> vmi = client.genericKubernetesResources(
                        "kubevirt.io/v1", "VirtualMachineInstance")
                .inNamespace("default")
                .withName("vm");
        HeldWrite stamp = pool.tap().hold("/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm");
        try (KubeVirtStandIn kubeVirt = new KubeVirtStandIn(pool.server())) {
            var _ = kubeVirt.boot("vm", "n1");
        }
        isRefusedWhenOvertaken(stamp, vmi);
        await("a stamp").atMost(PATIENCE).until(() -> labels(vmi.get()).containsKey(Names.STAMP));
    }

    /** The object is changed, as the next leader does, while the write is under way. */
    private static void isRefusedWhenOvertaken(HeldWrite write, Resource<? extends HasMetadata> object) {
        write.awaitLeft(PATIENCE);
        HasMetadata _ = object.patch(
                PatchContext.of(PatchType.JSON_MERGE), "{\"metadata\":{\"labels\":{\"example.com/next\":\"true\"}}}");
        assertThat(write.letGo(PATIENCE)).isEqualTo(HttpURLConnection.HTTP_CONFLICT);
    }

    private static boolean hasOurLabels(String node) {
        return labels(client.nodes().withName(node).get()).keySet().stream()
                .anyMatch(l -> l.startsWith(Names.NODE_LABEL_PREFIX));
    }

    private static Map<String, String> labels(HasMetadata object) {
        return object.getMetadata().getLabels();
    }
}
