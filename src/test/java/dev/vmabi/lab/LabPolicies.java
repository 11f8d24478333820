package dev.vmabi.lab;

import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.demo.OperatorProcess;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** The operator deciding about the lab's hosts: one policy for each CPU, each pinned to the minimum of its pool. */
final class LabPolicies {

    private static final Vmm VMM = Vmm.parse("qemu:11.1");
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata:
              name: CPU
            spec:
              nodeSelector:
                matchLabels:
                  example.com/pool: CPU
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
                "%n%-14s %-18s %-5s %-6s %-7s %-12s %s%n",
                "POLICY", "BASELINE", "NODES", "ACCEPT", "FENCED", "VMM IMPOSES", "HELD DOWN BY");
        try (OperatorProcess operator =
                new OperatorProcess(cluster.operatorKubeconfig(), cluster.directory(), "operator", Map.of())) {
            for (String cpu : new TreeSet<>(kinds.stream().map(LabHost::cpu).toList())) {
                client.load(new ByteArrayInputStream(POLICY.replace("CPU", cpu).getBytes(StandardCharsets.UTF_8)))
                        .serverSideApply();
                List<LabHost> pool =
                        kinds.stream().filter(kind -> kind.cpu().equals(cpu)).toList();
                VirtualMachineABIStatus status =
                        LabCluster.await("the operator to decide about " + cpu, () -> decided(cpu, operator));
                check(cpu, pool, profiles, status, faults);
                print(cpu, status);
            }
        }
        return faults;
    }

    /** What the operator pins must be the minimum, and every host of the pool have the label of having proved it. */
    private void check(
            String cpu,
            List<LabHost> pool,
            Map<String, HostProfile> profiles,
            VirtualMachineABIStatus status,
            List<String> faults) {
        Minimum expected =
                Minimum.of(pool.stream().map(kind -> profiles.get(kind.name())).toList(), VMM, Exclusions.NONE);
        String minimum = expected instanceof Minimum.Common common
                ? common.abi().digest().hex()
                : "none";
        String digest = digest(status);
        if (!digest.equals(minimum)) {
            faults.add(cpu + ": pinned " + digest + ", the minimum is " + minimum);
        }
        if (status.baseline() == null) {
            return;
        }
        String label = Names.nodeLabel(status.baseline().label());
        for (LabHost kind : pool) {
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

    private static void print(String cpu, VirtualMachineABIStatus status) {
        String digest = digest(status);
        System.out.printf(
                "%-14s %-18s %-5d %-6d %-7d %-12s %s%n",
                cpu,
                digest.substring(0, Math.min(16, digest.length())),
                status.nodes().matched(),
                status.nodes().accepting(),
                status.nodes().fenced(),
                status.baseline() == null || status.baseline().clamp() == null
                        ? ""
                        : status.baseline().clamp(),
                String.join(
                        ", ",
                        status.holdsDown().stream()
                                .map(VirtualMachineABIStatus.HoldsDown::field)
                                .limit(3)
                                .toList()));
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
