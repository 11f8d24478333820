package dev.vmabi.lab;

import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.demo.OperatorProcess;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** The operator deciding about the lab's hosts: one policy for each pool, pinned to its minimum. */
final class LabPolicies {

    private static final Vmm VMM = Vmm.parse("qemu:11.1");
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata:
              name: POOL
            spec:
              nodeSelector:
                matchLabels:
                  example.com/pool: POOL
              vmm:
                name: qemu
                minimumVersion: "11.1"
            """;

    private final LabCluster cluster;
    private final KubernetesClient client;

    LabPolicies(LabCluster cluster) {
        this.cluster = cluster;
        this.client = cluster.client();
    }

    /** Applies the policies, waits for the operator and prints what it pinned; returns what is off. */
    List<String> decide(List<LabHost> kinds, Map<String, HostProfile> profiles) throws IOException {
        List<String> faults = new ArrayList<>();
        System.out.printf(
                "%n%-16s %-18s %-5s %-6s %-7s %-12s %s%n",
                "POLICY", "BASELINE", "NODES", "ACCEPT", "FENCED", "VMM IMPOSES", "HELD DOWN, OR FORBIDDEN, BY");
        try (OperatorProcess operator =
                new OperatorProcess(cluster.operatorKubeconfig(), cluster.directory(), "operator", Map.of())) {
            for (String pool : new TreeSet<>(kinds.stream().map(LabHost::pool).toList())) {
                client.load(new ByteArrayInputStream(
                                POLICY.replace("POOL", pool).getBytes(StandardCharsets.UTF_8)))
                        .serverSideApply();
                List<LabHost> hosts =
                        kinds.stream().filter(kind -> kind.pool().equals(pool)).toList();
                VirtualMachineABIStatus status =
                        LabCluster.await("the operator to decide about " + pool, () -> decided(pool, operator));
                check(pool, hosts, profiles, status, faults);
                print(pool, status);
            }
        }
        return faults;
    }

    /** What the operator pins must be the minimum, and every host of the pool have the label of having proved it. */
    private void check(
            String pool,
            List<LabHost> hosts,
            Map<String, HostProfile> profiles,
            VirtualMachineABIStatus status,
            List<String> faults) {
        Minimum expected =
                Minimum.of(hosts.stream().map(kind -> profiles.get(kind.name())).toList(), VMM, Exclusions.NONE);
        String minimum = expected instanceof Minimum.Common common
                ? common.abi().digest().hex()
                : "none";
        String digest = digest(status);
        if (!digest.equals(minimum)) {
            faults.add(pool + ": pinned " + digest + ", the minimum is " + minimum);
        }
        if (status.baseline() == null) {
            return;
        }
        String label = Names.nodeLabel(status.baseline().label());
        for (LabHost kind : hosts) {
            Map<String, String> labels =
                    client.nodes().withName(kind.name()).get().getMetadata().getLabels();
            if (!"true".equals(labels.get(label))) {
                faults.add(kind.name() + ": has no label for the pin of its pool");
            }
        }
    }

    private static String digest(VirtualMachineABIStatus status) {
        return status.baseline() == null ? "none" : status.baseline().digest();
    }

    private static void print(String pool, VirtualMachineABIStatus status) {
        String digest = digest(status);
        System.out.printf(
                "%-16s %-18s %-5d %-6d %-7d %-12s %s%n",
                pool,
                digest.substring(0, Math.min(16, digest.length())),
                status.nodes().matched(),
                status.nodes().accepting(),
                status.nodes().fenced(),
                status.baseline() == null || status.baseline().clamp() == null
                        ? ""
                        : status.baseline().clamp(),
                status.baseline() == null ? forbids(status) : heldDown(status));
    }

    private static String heldDown(VirtualMachineABIStatus status) {
        return status.holdsDown().stream()
                .map(VirtualMachineABIStatus.HoldsDown::field)
                .limit(3)
                .collect(Collectors.joining(", "));
    }

    private static String forbids(VirtualMachineABIStatus status) {
        return status.conditions().stream()
                .filter(condition -> condition.getType().equals("BaselinePinned"))
                .map(Condition::getMessage)
                .collect(Collectors.joining());
    }

    /**
     * A policy's status once it is converged, or once it says that there is no minimum.
     *
     * @throws IllegalStateException if a kernel refused the pin that was computed for it
     */
    private Optional<VirtualMachineABIStatus> decided(String policy, OperatorProcess operator) {
        operator.ready(); // throws if it ended
        VirtualMachineABI found =
                client.resources(VirtualMachineABI.class).withName(policy).get();
        Optional<VirtualMachineABIStatus> reported = Optional.ofNullable(found.getStatus());
        reported.stream()
                .flatMap(s -> s.conditions().stream())
                .filter(c -> c.getType().equals("Ready") && c.getReason().equals("ProofFailed"))
                .forEach(c -> {
                    throw new IllegalStateException("policy " + policy + ": " + c.getMessage());
                });
        return reported.filter(status -> status.conditions().stream()
                .anyMatch(c -> (c.getType().equals("Converged") && c.getStatus().equals("True"))
                        || (c.getType().equals("BaselinePinned")
                                && c.getReason().equals("NoCommonABI"))));
    }
}
