package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeCondition;
import io.fabric8.kubernetes.api.model.NodeSystemInfo;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Kubernetes objects as the fleet sees them: what no decision needs is left behind. */
public final class Views {
    public static FleetState.Policy policy(VirtualMachineABI policy) {
        return new FleetState.Policy(
                policy.getMetadata().getName(),
                policy.getMetadata().getUid(),
                policy.getMetadata().getGeneration(),
                Instant.parse(policy.getMetadata().getCreationTimestamp()),
                policy.getSpec(),
                policy.getStatus());
    }

    /** A node without its report. */
    public static FleetState.Node node(Node node) {
        Map<String, String> labels = labels(node);
        NodeSystemInfo info = node.getStatus() == null ? null : node.getStatus().getNodeInfo();
        boolean ready = node.getStatus() != null
                && Objects.requireNonNullElse(node.getStatus().getConditions(), List.<NodeCondition>of()).stream()
                        .anyMatch(c -> "Ready".equals(c.getType()) && "True".equals(c.getStatus()));
        boolean cordoned =
                node.getSpec() != null && Boolean.TRUE.equals(node.getSpec().getUnschedulable());
        return new FleetState.Node(
                node.getMetadata().getName(),
                node.getMetadata().getUid(),
                labels,
                info == null || info.getArchitecture() == null
                        ? labels.getOrDefault("kubernetes.io/arch", "")
                        : info.getArchitecture(),
                ready,
                !cordoned,
                info == null ? "" : Objects.requireNonNullElse(info.getBootID(), ""),
                info == null ? "" : Objects.requireNonNullElse(info.getKernelVersion(), ""),
                guestAbiLabels(labels),
                Optional.empty());
    }

    private static Set<String> guestAbiLabels(Map<String, String> labels) {
        Set<String> digests = new TreeSet<>();
        labels.forEach((key, value) -> {
            if (key.startsWith(Names.NODE_LABEL_PREFIX) && "true".equals(value)) {
                digests.add(key.substring(Names.NODE_LABEL_PREFIX.length()));
            }
        });
        return digests;
    }

    public static FleetState.Report report(NodeABI nodeAbi) {
        return new FleetState.Report(
                Objects.requireNonNullElse(nodeAbi.getMetadata().getGeneration(), 0L),
                nodeAbi.getSpec(),
                nodeAbi.getStatus());
    }

    /** A VirtualMachineInstance of an arm64 guest, without the labels of its namespace; empty for another architecture. */
    public static Optional<FleetState.Vm> vm(GenericKubernetesResource vmi) {
        if (!"arm64".equals(Objects.requireNonNullElse(vmi.get("spec", "architecture"), "arm64"))) {
            return Optional.empty();
        }
        String node = vmi.get("status", "nodeName");
        String phase = vmi.get("status", "phase");
        boolean runs = "Running".equals(phase) && node != null && !node.isEmpty();
        Object completed = vmi.get("status", "migrationState", "completed");
        Object failed = vmi.get("status", "migrationState", "failed");
        boolean moved = Boolean.TRUE.equals(completed) && !Boolean.TRUE.equals(failed);
        Map<String, String> labels = labels(vmi);
        return Optional.of(new FleetState.Vm(
                vmi.getMetadata().getNamespace(),
                vmi.getMetadata().getName(),
                vmi.getMetadata().getUid(),
                labels,
                Map.of(),
                runs ? Optional.of(node) : Optional.empty(),
                clamp(vmi),
                Optional.ofNullable(labels.get(Names.STAMP)),
                moved,
                nodeSelector(vmi)));
    }

    /** What KubeVirt 1.10 renders into every pod of the VM that tells nodes of one architecture apart. */
    private static Map<String, String> nodeSelector(GenericKubernetesResource vmi) {
        Map<String, String> selector = new TreeMap<>();
        selector.put("kubevirt.io/schedulable", "true");
        Object machine = vmi.get("status", "machine", "type");
        if (machine instanceof String type && !type.isEmpty()) {
            selector.put("machine-type.node.kubevirt.io/" + type, "true");
        }
        Object owners = vmi.get("spec", "nodeSelector");
        if (owners instanceof Map<?, ?> map) {
            map.forEach((key, value) -> selector.put(String.valueOf(key), String.valueOf(value)));
        }
        return selector;
    }

    /** What the guest's owner has libvirt leave out: {@code spec.domain.cpu.features} with policy disable. */
    private static Clamp clamp(GenericKubernetesResource vmi) {
        Object features = vmi.get("spec", "domain", "cpu", "features");
        Clamp clamp = Clamp.NONE;
        if (features instanceof List<?> list) {
            for (Object feature : list) {
                if (feature instanceof Map<?, ?> entry && "disable".equals(entry.get("policy"))) {
                    if ("sve".equals(entry.get("name"))) {
                        clamp = clamp.withoutSve();
                    } else if ("pauth".equals(entry.get("name"))) {
                        clamp = clamp.withoutPauth();
                    }
                }
            }
        }
        return clamp;
    }

    public static Map<String, String> labels(HasMetadata object) {
        return Objects.requireNonNullElse(object.getMetadata().getLabels(), Map.of());
    }

    private Views() {}
}
