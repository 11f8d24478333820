package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Refusal;
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
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplayFleet;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/**
 * A large fleet in which nothing changes costs no write, and one node's change costs its own objects and the policy's
 * status. {@code -Dvmabi.steady.nodes} and {@code -Dvmabi.steady.seconds} say how large and how long; {@code make steady}
 * takes 1,000 nodes and five minutes.
 */
class SteadyStateIT {
    private static final int NODES = Integer.getInteger("vmabi.steady.nodes", 100);
    private static final int SECONDS = Integer.getInteger("vmabi.steady.seconds", 10);
    private static final List<HostProfile> KINDS = List.of(
            ReplayFleet.recorded("linux-6.1-cortex-a76").profile(),
            ReplayFleet.recorded("linux-6.12-cortex-a76").profile(),
            ReplayFleet.recorded("linux-6.18-cortex-a76").profile());

    @Test
    void nothingThatChangesCostsNothingAndOneNodeCostsItself() {
        try (OperatedCluster cluster = new OperatedCluster()) {
            OperatorProcess operator = cluster.operator("operator");
            KINDS.forEach(k -> {
                ABIProfile profile = new ABIProfile();
                profile.setMetadata(
                        new ObjectMetaBuilder().withName(k.digest().hex()).build());
                profile.setSpec(ABIProfileSpec.fromHostProfile(k));
                cluster.client.resource(profile).create();
            });
            IntStream.range(0, NODES).forEach(i -> join(cluster, i));
            cluster.apply("""
                    apiVersion: vmabi.dev/v1alpha1
                    kind: VirtualMachineABI
                    metadata: {name: pool}
                    spec:
                      nodeSelector: {matchLabels: {example.com/pool: pool}}
                      vmm: {name: qemu, minimumVersion: "11.1"}
                    """);
            cluster.expect("pool", s -> assertThat(s.candidate().needed()).isEqualTo(NODES));
            List<GuestAbi> abis = guestAbis(cluster);
            IntStream.range(0, NODES).forEach(i -> report(cluster, i, spec(i, abis, "test", true)));
            cluster.expect("pool", s -> assertThat(s.nodes().accepting()).isEqualTo(NODES));
            cluster.settle();

            Map<String, String> before = cluster.versions();
            String counted = writes(operator);
            Awaitility.await()
                    .atMost(Duration.ofSeconds(SECONDS + 60))
                    .pollDelay(Duration.ofSeconds(SECONDS))
                    .until(() -> true);
            Set<String> written = OperatedCluster.written(before, cluster.versions());
            System.out.printf(
                    "steady state on %s: %d nodes, %d s: %d objects written, operator holds %d MiB%n",
                    cluster.server.describe(), NODES, SECONDS, written.size(), operator.residentMiB());
            assertThat(written).isEmpty();
            assertThat(writes(operator)).isEqualTo(counted);

            report(cluster, 7, spec(7, guestAbis(cluster), "another", true));
            cluster.await(() -> assertThat(observed(cluster, 7)).isEqualTo(generation(cluster, 7)));
            cluster.settle();
            assertThat(OperatedCluster.written(before, cluster.versions()))
                    .as("a report that changes no verdict")
                    .containsExactly("NodeABI/" + name(7));

            before = cluster.versions();
            report(cluster, 8, spec(8, guestAbis(cluster), "test", false));
            cluster.expect("pool", s -> assertThat(s.nodes().accepting()).isEqualTo(NODES - 1));
            cluster.settle();
            assertThat(OperatedCluster.written(before, cluster.versions()))
                    .as("a report that costs its node the label")
                    .filteredOn(o -> !o.startsWith("Event/"))
                    .containsExactlyInAnyOrder("Node/" + name(8), "NodeABI/" + name(8), "VirtualMachineABI/pool");
        }
    }

    private static String name(int i) {
        return "node-%04d".formatted(i);
    }

    private static HostProfile kind(int i) {
        return KINDS.get(i % KINDS.size());
    }

    private static void join(OperatedCluster cluster, int i) {
        Node node = cluster.client
                .resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(name(i))
                        .addToLabels("kubernetes.io/arch", "arm64")
                        .addToLabels("example.com/pool", "pool")
                        .endMetadata()
                        .build())
                .create();
        cluster.nodes.setBoot(name(i), "boot-" + i, "6.0");
        NodeABI report = new NodeABI();
        report.setMetadata(new ObjectMetaBuilder()
                .withName(name(i))
                .withOwnerReferences(new OwnerReferenceBuilder()
                        .withApiVersion("v1")
                        .withKind("Node")
                        .withName(name(i))
                        .withUid(node.getMetadata().getUid())
                        .build())
                .build());
        report.setSpec(spec(i, List.of(), "test", true));
        cluster.client.resource(report).create();
    }

    /** As an agent does: the operator's own writes to the object do not matter. */
    private static void report(OperatedCluster cluster, int i, NodeABISpec spec) {
        NodeABI report = new NodeABI();
        report.setMetadata(new ObjectMetaBuilder().withName(name(i)).build());
        report.setSpec(spec);
        cluster.client
                .resource(report)
                .fieldManager("vmabi-agent")
                .forceConflicts()
                .serverSideApply();
    }

    private static List<GuestAbi> guestAbis(OperatedCluster cluster) {
        return cluster.client.resources(GuestABI.class).list().getItems().stream()
                .map(g -> g.getSpec().toGuestAbi())
                .toList();
    }

    /** What an agent would write that has tried those guest ABIs. */
    private static NodeABISpec spec(int i, List<GuestAbi> tried, String version, boolean accepts) {
        List<Proof> proofs = tried.stream()
                .map(abi -> new Proof(abi.digest().hex(), accepts && takes(kind(i), abi), 0, List.of()))
                .toList();
        return new NodeABISpec(
                new Kvm(KvmState.Available, null),
                kind(i).digest().hex(),
                "boot-" + i,
                "6.0",
                List.of(new Cpu("0x414fd0b1", 4, null)),
                version,
                proofs);
    }

    private static boolean takes(HostProfile host, GuestAbi abi) {
        return !(host.accepts(abi, Vmm.GENERIC, Clamp.NONE) instanceof Verdict.Refused refused)
                || refused.refusals().stream()
                        .allMatch(r -> r instanceof Refusal.RegisterList || r instanceof Refusal.RegisterMissing);
    }

    private static Long observed(OperatedCluster cluster, int i) {
        return cluster.client
                .resources(NodeABI.class)
                .withName(name(i))
                .get()
                .getStatus()
                .observedGeneration();
    }

    private static Long generation(OperatedCluster cluster, int i) {
        return cluster.client
                .resources(NodeABI.class)
                .withName(name(i))
                .get()
                .getMetadata()
                .getGeneration();
    }

    private static String writes(OperatorProcess operator) {
        return operator.metrics()
                .lines()
                .filter(l -> l.startsWith("vmabi_writes_total"))
                .sorted()
                .collect(Collectors.joining("\n"));
    }
}
