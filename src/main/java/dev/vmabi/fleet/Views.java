package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
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
    /**
     * A VirtualMachineABI.
     *
     * @throws IllegalArgumentException if spec or status are not of their shape
     */
    public static FleetState.Policy policy(GenericKubernetesResource policy) {
        Stored<VirtualMachineABISpec> spec = part(policy, "spec", VirtualMachineABISpec.class);
        if (spec.value() == null) {
            throw new IllegalArgumentException("spec is missing");
        }
        return new FleetState.Policy(
                policy.getMetadata().getName(),
                policy.getMetadata().getUid(),
                policy.getMetadata().getGeneration(),
                Instant.parse(policy.getMetadata().getCreationTimestamp()),
                spec.value(),
                spec.unknown(),
                ReadableStatus.of(part(policy, "status", VirtualMachineABIStatus.class)
                                .value())
                        .status());
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

    /** A NodeABI as this version wrote it. */
    public static FleetState.Report report(NodeABI nodeAbi) {
        return report(nodeAbi, nodeAbi.getSpec(), nodeAbi.getStatus());
    }

    /**
     * A NodeABI; empty for one without a spec.
     *
     * @throws IllegalArgumentException if spec or status are not of their shape
     */
    public static Optional<FleetState.Report> report(GenericKubernetesResource nodeAbi) {
        NodeABISpec spec = part(nodeAbi, "spec", NodeABISpec.class).value();
        NodeABIStatus status = part(nodeAbi, "status", NodeABIStatus.class).value();
        return spec == null ? Optional.empty() : Optional.of(report(nodeAbi, spec, status));
    }

    private static FleetState.Report report(HasMetadata nodeAbi, NodeABISpec spec, NodeABIStatus status) {
        return new FleetState.Report(
                Objects.requireNonNullElse(nodeAbi.getMetadata().getGeneration(), 0L), spec, status);
    }

    /**
     * The content of an ABIProfile; empty if it is not what the object is named by.
     *
     * @throws IllegalArgumentException if it is not of its shape
     */
    public static Optional<HostProfile> profile(GenericKubernetesResource object) {
        return Optional.ofNullable(part(object, "spec", ABIProfileSpec.class).value())
                .map(ABIProfileSpec::toHostProfile)
                .filter(p -> p.digest().hex().equals(object.getMetadata().getName()));
    }

    /**
     * The content of a GuestABI; empty if it is not what the object is named by.
     *
     * @throws IllegalArgumentException if it is not of its shape
     */
    public static Optional<GuestAbi> guestAbi(GenericKubernetesResource object) {
        return Optional.ofNullable(part(object, "spec", GuestABISpec.class).value())
                .map(GuestABISpec::toGuestAbi)
                .filter(g -> g.digest().hex().equals(object.getMetadata().getName()));
    }

    private static <T> Stored<T> part(GenericKubernetesResource object, String name, Class<T> type) {
        return Stored.read(object.getAdditionalProperties().get(name), name, type);
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
                Optional.ofNullable(annotations(vmi).get(Names.STAMPED_IN)),
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
        Map<String, String> annotations = annotations(vmi);
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

    private static Map<String, String> annotations(HasMetadata object) {
        return Objects.requireNonNullElse(object.getMetadata().getAnnotations(), Map.of());
    }

    private Views() {}
}
