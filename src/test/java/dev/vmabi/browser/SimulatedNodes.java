package dev.vmabi.browser;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Cpu;
import dev.vmabi.api.NodeABISpec.Kvm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.cli.Host;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Thousands of nodes at once: Node and NodeABI objects of recorded hosts, with what their kernels say to the guest ABIs
 * that exist by then. No agent runs for them.
 */
final class SimulatedNodes {
    private static final String BOOT = "00000000-0000-4000-8000-000000000000";
    private static final int AT_ONCE = 16;

    private final KubernetesClient client;

    SimulatedNodes(KubernetesClient client) {
        this.client = client;
    }

    /**
     * Adds nodes {@code prefix-00000} and so on, which share the hosts in turn.
     *
     * @param toCome guest ABIs that they are to have proved beside those that exist
     */
    void add(String prefix, String pool, int number, List<Host> hosts, List<GuestAbi> toCome) {
        Map<Host, NodeABISpec> reports = new HashMap<>();
        Map<Digest, GuestAbi> guestAbis = new HashMap<>();
        client.resources(GuestABI.class).list().getItems().stream()
                .map(g -> g.getSpec().toGuestAbi())
                .forEach(g -> guestAbis.put(g.digest(), g));
        toCome.forEach(g -> guestAbis.put(g.digest(), g));
        hosts.forEach(h -> reports.put(h, report(h, guestAbis.values())));
        hosts.forEach(h -> publish(h.profile()));
        try (ExecutorService workers = Executors.newFixedThreadPool(AT_ONCE)) {
            List<? extends Future<?>> joins = IntStream.range(0, number)
                    .mapToObj(i -> workers.submit(() -> {
                        Host host = hosts.get(i % hosts.size());
                        join("%s-%05d".formatted(prefix, i), pool, host, reports.get(host));
                    }))
                    .toList();
            for (Future<?> join : joins) {
                join.get();
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("a node of " + pool + " could not be made: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Adds VMs that run on the first nodes of that name, and that nobody has stamped. */
    void addVms(String prefix, int number, String nodePrefix) {
        for (int i = 0; i < number; i++) {
            GenericKubernetesResource vmi = new GenericKubernetesResourceBuilder()
                    .withApiVersion("kubevirt.io/v1")
                    .withKind("VirtualMachineInstance")
                    .withNewMetadata()
                    .withNamespace("default")
                    .withName("%s-%04d".formatted(prefix, i))
                    .endMetadata()
                    .addToAdditionalProperties(
                            "spec", Map.of("architecture", "arm64", "domain", Map.of("devices", Map.of())))
                    .addToAdditionalProperties(
                            "status", Map.of("phase", "Running", "nodeName", "%s-%05d".formatted(nodePrefix, i)))
                    .build();
            GenericKubernetesResource _ = client.resource(vmi).create();
        }
    }

    private void publish(HostProfile profile) {
        ABIProfile object = new ABIProfile();
        object.setMetadata(
                new ObjectMetaBuilder().withName(profile.digest().hex()).build());
        object.setSpec(ABIProfileSpec.fromHostProfile(profile));
        ABIProfile _ = client.resource(object).serverSideApply();
    }

    private void join(String name, String pool, Host host, NodeABISpec report) {
        Node node = client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .addToLabels("kubernetes.io/arch", "arm64")
                        .addToLabels("kubevirt.io/schedulable", "true")
                        .addToLabels("example.com/pool", pool)
                        .endMetadata()
                        .build())
                .create();
        // A patch, because the operator may have written to the node already.
        Node status = new NodeBuilder()
                .withNewStatus()
                .addNewCondition()
                .withType("Ready")
                .withStatus("True")
                .endCondition()
                .withNewNodeInfo()
                .withArchitecture("arm64")
                .withBootID(BOOT)
                .withKernelVersion(kernel(host))
                .withOperatingSystem("linux")
                .withContainerRuntimeVersion("")
                .withKubeProxyVersion("")
                .withKubeletVersion("")
                .withMachineID("")
                .withOsImage("")
                .withSystemUUID("")
                .endNodeInfo()
                .endStatus()
                .build();
        Node _ = client.nodes()
                .withName(name)
                .subresource("status")
                .patch(
                        PatchContext.of(PatchType.JSON_MERGE),
                        Serialization.asJson(Map.of("status", status.getStatus())));
        NodeABI nodeAbi = new NodeABI();
        nodeAbi.setMetadata(new ObjectMetaBuilder()
                .withName(name)
                .addNewOwnerReference()
                .withApiVersion("v1")
                .withKind("Node")
                .withName(name)
                .withUid(node.getMetadata().getUid())
                .endOwnerReference()
                .build());
        nodeAbi.setSpec(report);
        NodeABI _ = client.resource(nodeAbi).create();
    }

    private static NodeABISpec report(Host host, Collection<GuestAbi> guestAbis) {
        HostProfile profile = host.profile();
        long midr = profile.defaultGuestAbi().registers().entrySet().stream()
                .filter(e -> e.getKey().name().equals("MIDR_EL1"))
                .mapToLong(Map.Entry::getValue)
                .findFirst()
                .orElse(0);
        return new NodeABISpec(
                new Kvm(KvmState.Available, null),
                profile.digest().hex(),
                BOOT,
                kernel(host),
                List.of(new Cpu("0x" + Long.toHexString(midr), 1, null)),
                "simulated",
                guestAbis.stream().map(g -> proof(profile, g)).toList());
    }

    private static String kernel(Host host) {
        return host.kernelRelease().isEmpty() ? host.name().split("-", -1)[1] : host.kernelRelease();
    }

    private static Proof proof(HostProfile profile, GuestAbi guestAbi) {
        boolean accepts = !(profile.accepts(guestAbi, Vmm.GENERIC) instanceof Verdict.Refused);
        return new Proof(guestAbi.digest().hex(), accepts, 0, List.of());
    }
}
