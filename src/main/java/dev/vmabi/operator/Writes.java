package dev.vmabi.operator;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.Migration;
import dev.vmabi.fleet.Views;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Everything the operator writes beside its primaries' statuses, by server-side apply as {@value
 * Names#OPERATOR_MANAGER}. Callers call only when something differs; each call is counted.
 *
 * <p>What decides of nodes and VMs names the version that it was decided from: one that left a leader in time and comes late
 * must not take back what the next leader has written. The server refuses it then with 409, as it does where a watch is
 * behind; callers look again.
 */
@ApplicationScoped
public class Writes {
    private static final PatchContext APPLY = new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager(Names.OPERATOR_MANAGER)
            .withForce(true)
            .build();

    private static final PatchContext MERGE = new PatchContext.Builder()
            .withPatchType(PatchType.JSON_MERGE)
            .withFieldManager(Names.OPERATOR_MANAGER)
            .build();

    private final KubernetesClient client;
    private final MeterRegistry meters;
    private final FleetCache cache;

    Writes(KubernetesClient client, MeterRegistry meters, FleetCache cache) {
        this.client = client;
        this.meters = meters;
        this.cache = cache;
    }

    /** Makes a guest ABI an object, for agents to prove. */
    public void publish(GuestAbi guestAbi) {
        GuestABI object = new GuestABI();
        object.setMetadata(
                new ObjectMetaBuilder().withName(guestAbi.digest().hex()).build());
        object.setSpec(GuestABISpec.fromGuestAbi(guestAbi));
        client.resource(object).patch(APPLY);
        cache.wrote(guestAbi);
        count("GuestABI", guestAbi.digest().label());
    }

    /**
     * Gives a node just these guest ABI labels and this profile label, by the first 16 digits. Labels under that prefix
     * are taken away whoever set them; all others stay.
     */
    public void nodeLabels(FleetState.Node node, Set<String> guestAbis, Optional<String> profile) {
        Map<String, String> labels = new TreeMap<>();
        guestAbis.forEach(d -> labels.put(Names.nodeLabel(d), "true"));
        profile.ifPresent(d -> labels.put(Names.PROFILE_LABEL, d));
        Node patch = new NodeBuilder()
                .withNewMetadata()
                .withName(node.name())
                // Without it, an apply to a node that has just gone would create it.
                .withUid(node.uid())
                .withResourceVersion(cache.version(node))
                .withLabels(labels)
                .endMetadata()
                .build();
        Node applied = client.resource(patch).patch(APPLY);
        cache.wrote(applied);
        count("Node", node.name());
        Map<String, String> others = new TreeMap<>(Views.labels(applied));
        others.keySet().removeIf(l -> !l.startsWith(Names.NODE_LABEL_PREFIX) || labels.containsKey(l));
        if (!others.isEmpty()) {
            takeAway(applied, others.keySet());
        }
    }

    /** An apply leaves what another field manager set: these go by name. */
    private void takeAway(Node node, Set<String> labels) {
        Map<String, String> none = new TreeMap<>();
        labels.forEach(l -> none.put(l, null));
        ObjectMeta meta = node.getMetadata();
        String patch = Serialization.asJson(Map.of(
                "metadata",
                Map.of("uid", meta.getUid(), "resourceVersion", meta.getResourceVersion(), "labels", none)));
        cache.wrote(client.nodes().withName(meta.getName()).patch(MERGE, patch));
        count("Node", meta.getName());
    }

    /** Writes the status of a NodeABI. Returns it as it is then. */
    public NodeABI nodeAbiStatus(String node, NodeABIStatus status) {
        NodeABI patch = new NodeABI();
        patch.setMetadata(new ObjectMetaBuilder()
                .withName(node)
                .withResourceVersion(cache.reportVersion(node))
                .build());
        patch.setStatus(status);
        NodeABI answered = client.resource(patch).subresource("status").patch(APPLY);
        cache.wrote(answered);
        count("NodeABI", node);
        return answered;
    }

    /**
     * Marks a VirtualMachineInstance with what its guest has; KubeVirt copies the marks to every later pod of it. Returns
     * it as it is then.
     *
     * @param bootId of its node, as it was known when that was decided
     */
    public GenericKubernetesResource stamp(FleetState.Vm vm, Digest guestAbi, String bootId) {
        String mark = guestAbi.label();
        GenericKubernetesResource patch = KubeVirt.instance(vm);
        patch.getMetadata().setResourceVersion(cache.version(vm));
        patch.getMetadata().setLabels(Map.of(Names.STAMP, mark));
        patch.getMetadata().setAnnotations(Map.of(Names.STAMP, mark, Names.STAMPED_IN, bootId));
        GenericKubernetesResource stamped = client.resource(patch).patch(APPLY);
        cache.wroteVmi(stamped);
        count("VirtualMachineInstance", vm.key());
        return stamped;
    }

    /** Has KubeVirt look at a waiting migration again: any change of its metadata does. */
    void retry(Migration migration, Instant now) {
        GenericKubernetesResource patch =
                KubeVirt.object(KubeVirt.MIGRATIONS, migration.namespace(), migration.name(), migration.uid());
        patch.getMetadata()
                .setAnnotations(Map.of(
                        Names.RETRIED, now.truncatedTo(ChronoUnit.SECONDS).toString()));
        client.resource(patch).patch(APPLY);
        count("VirtualMachineInstanceMigration", migration.namespace() + "/" + migration.name());
    }

    private void count(String kind, String name) {
        meters.counter("vmabi.writes", "kind", kind).increment();
        Spans.wrote(kind, name);
    }
}
