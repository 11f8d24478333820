package dev.vmabi.scale;

import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.Duration;
import java.util.Map;

/** What the same API server makes a bare client wait for the same number of patches, and for lists of the same objects. */
final class Floor {
    private static final PatchContext APPLY = new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager("floor")
            .withForce(true)
            .build();

    private final KubernetesClient client;
    private Duration ofNodes = Duration.ZERO;

    Floor(KubernetesClient client) {
        this.client = client;
    }

    /** One label on every node, one on every report and one on every VM, by server-side apply. */
    Duration patches(int nodes, int vms) {
        long start = System.nanoTime();
        SimulatedFleet.parallel(nodes, i -> label("v1", "Node", null, SimulatedFleet.name("node", i)));
        SimulatedFleet.parallel(nodes, i -> label(Names.API_VERSION, "NodeABI", null, SimulatedFleet.name("node", i)));
        ofNodes = Duration.ofNanos(System.nanoTime() - start);
        SimulatedFleet.parallel(
                vms, i -> label("kubevirt.io/v1", "VirtualMachineInstance", "default", SimulatedFleet.name("vm", i)));
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Of the last {@link #patches}, those of nodes and reports. */
    Duration ofNodes() {
        return ofNodes;
    }

    private void label(String apiVersion, String kind, String namespace, String name) {
        var _ = client.resource(new GenericKubernetesResourceBuilder()
                        .withApiVersion(apiVersion)
                        .withKind(kind)
                        .withNewMetadata()
                        .withNamespace(namespace)
                        .withName(name)
                        .withLabels(Map.of("floor.example.com/seen", "true"))
                        .endMetadata()
                        .build())
                .patch(APPLY);
    }

    /** Every kind that the operator reads, once, read into objects. */
    Duration lists() {
        long start = System.nanoTime();
        var _ = client.nodes().list();
        var _ = client.namespaces().list();
        var _ = client.resources(NodeABI.class).list();
        var _ = client.resources(ABIProfile.class).list();
        var _ = client.resources(GuestABI.class).list();
        var _ = client.genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inAnyNamespace()
                .list();
        return Duration.ofNanos(System.nanoTime() - start);
    }
}
