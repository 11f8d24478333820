package dev.vmabi.scale;

import dev.vmabi.api.NodeABI;
import dev.vmabi.devserver.Etcd;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.IntFunction;

/**
 * Tens of thousands of objects like a few that the API server has stored, with names, uids and boot ids of their own, put
 * straight into etcd: by way of the API server they would take longer than all that is to be measured.
 */
final class Copies {
    private static final int AT_ONCE = 48;

    private final Etcd etcd;
    private final KubernetesClient client;
    private final SimulatedFleet fleet;

    /** @param parts what a copy has other values of, as long as these: the API server stores some kinds in binary */
    private record Original(String key, String stored, List<String> parts) {
        Map.Entry<String, byte[]> copy(List<String> others) {
            String copyKey = key;
            String copy = stored;
            for (int i = 0; i < parts.size(); i++) {
                copyKey = copyKey.replace(parts.get(i), others.get(i));
                copy = copy.replace(parts.get(i), others.get(i));
            }
            return Map.entry(copyKey, copy.getBytes(StandardCharsets.ISO_8859_1));
        }
    }

    Copies(Etcd etcd, KubernetesClient client, SimulatedFleet fleet) {
        this.etcd = etcd;
        this.client = client;
        this.fleet = fleet;
    }

    /** Makes nodes and reports {@code originals} to {@code number} like the first {@code originals}, in turn. */
    void nodes(String prefix, int originals, int number) {
        List<Original> nodes = new ArrayList<>();
        List<Original> reports = new ArrayList<>();
        for (int i = 0; i < originals; i++) {
            String name = SimulatedFleet.name(prefix, i);
            Node node = client.nodes().withName(name).get();
            String boot = node.getStatus().getNodeInfo().getBootID();
            nodes.add(original("minions/" + name, List.of(name, uid(node), boot, boot.replace("-", ""))));
            NodeABI report = client.resources(NodeABI.class).withName(name).get();
            reports.add(original("vmabi.dev/nodeabis/" + name, List.of(name, uid(node), boot, uid(report))));
        }
        put(originals, number, i -> {
            String name = SimulatedFleet.name(prefix, i);
            String uid = UUID.randomUUID().toString();
            String boot = UUID.randomUUID().toString();
            fleet.known(name, uid);
            return List.of(
                    nodes.get(i % originals).copy(List.of(name, uid, boot, boot.replace("-", ""))),
                    reports.get(i % originals)
                            .copy(List.of(name, uid, boot, UUID.randomUUID().toString())));
        });
    }

    /** Makes VMs {@code originals} to {@code number} like the first {@code originals}, on the nodes in turn. */
    void vms(String prefix, int originals, int number, String nodePrefix, int nodes) {
        List<Original> vms = new ArrayList<>();
        for (int i = 0; i < originals; i++) {
            String name = SimulatedFleet.name(prefix, i);
            HasMetadata vmi = client.genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                    .inNamespace("default")
                    .withName(name)
                    .get();
            vms.add(original(
                    "kubevirt.io/virtualmachineinstances/default/" + name,
                    List.of(name, uid(vmi), SimulatedFleet.name(nodePrefix, i % nodes))));
        }
        put(
                originals,
                number,
                i -> List.of(vms.get(i % nodes % originals)
                        .copy(List.of(
                                SimulatedFleet.name(prefix, i),
                                UUID.randomUUID().toString(),
                                SimulatedFleet.name(nodePrefix, i % nodes)))));
    }

    private Original original(String key, List<String> parts) {
        try {
            String whole = "/registry/" + key;
            return new Original(whole, new String(etcd.get(whole), StandardCharsets.ISO_8859_1), parts);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void put(int from, int to, IntFunction<List<Map.Entry<String, byte[]>>> copies) {
        SimulatedFleet.parallel((to - from + AT_ONCE - 1) / AT_ONCE, batch -> {
            Map<String, byte[]> objects = new HashMap<>();
            int first = from + batch * AT_ONCE;
            for (int i = first; i < Math.min(to, first + AT_ONCE); i++) {
                copies.apply(i).forEach(copy -> objects.put(copy.getKey(), copy.getValue()));
            }
            try {
                etcd.put(objects);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static String uid(HasMetadata object) {
        return object.getMetadata().getUid();
    }
}
