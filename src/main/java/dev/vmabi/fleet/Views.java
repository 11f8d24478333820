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

    /** What QEMU left out: by {@code spec.domain.cpu.features} with policy disable, and by the hook where it has one. */
    private static Clamp clamp(GenericKubernetesResource vmi) {
        Set<String> disabled = new TreeSet<>();
        if (vmi.get("spec", "domain", "cpu", "features") instanceof List<?> list) {
            for (Object feature : list) {
                if (feature instanceof Map<?, ?> entry && "disable".equals(entry.get("policy"))) {
                    disabled.add(String.valueOf(entry.get("name")));
                }
            }
        }
        Map<String, String> annotations =
                Objects.requireNonNullElse(vmi.getMetadata().getAnnotations(), Map.of());
        return Imposition.imposed(
                disabled,
                Imposition.hooked(annotations.getOrDefault("hooks.kubevirt.io/hookSidecars", ""))
                        ? Optional.ofNullable(annotations.get(Names.CLAMP))
                        : Optional.empty());
    }

    /** A VirtualMachineInstanceMigration. */
    public static Migration migration(GenericKubernetesResource vmim) {
        String phase = text(vmim, "status", "phase").orElse("");
        Map<String, String> added = new TreeMap<>();
        if (vmim.get("spec", "addedNodeSelector") instanceof Map<?, ?> map) {
            map.forEach((key, value) -> added.put(String.valueOf(key), String.valueOf(value)));
        }
        added.keySet().removeIf(k -> k.startsWith(Names.NODE_LABEL_PREFIX));
        return new Migration(
                vmim.getMetadata().getNamespace(),
                vmim.getMetadata().getName(),
                vmim.getMetadata().getUid(),
                Instant.parse(vmim.getMetadata().getCreationTimestamp()),
                text(vmim, "spec", "vmiName").orElse(""),
                added,
                switch (phase) {
                    case "", "Pending" -> Migration.Phase.Waiting;
                    case "Succeeded" -> Migration.Phase.Succeeded;
                    case "Failed" -> Migration.Phase.Failed;
                    default -> Migration.Phase.Moving;
                },
                text(vmim, "status", "migrationState", "sourceNode"),
                text(vmim, "status", "migrationState", "targetNode"));
    }

    private static Optional<String> text(GenericKubernetesResource object, Object... path) {
        Object value = object.get(path);
        return value instanceof String text && !text.isEmpty() ? Optional.of(text) : Optional.empty();
    }

    public static Map<String, String> labels(HasMetadata object) {
        return Objects.requireNonNullElse(object.getMetadata().getLabels(), Map.of());
    }

    private Views() {}
}
