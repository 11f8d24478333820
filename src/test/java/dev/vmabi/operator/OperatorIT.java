package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Kvm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplayFleet;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.events.v1.Event;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The shipped operator in its own process on an API server; each test has its own pool of nodes. */
class OperatorIT {
    private static OperatedCluster cluster;
    private static OperatorProcess operator;

    @BeforeAll
    static void start() {
        cluster = new OperatedCluster();
        operator = cluster.operator("operator");
    }

    @AfterAll
    static void stop() throws IOException {
        String log = Files.readString(operator.log());
        cluster.close();
        assertThat(log).doesNotContain("could not be made anew", "NullPointerException", "processing watch event");
    }

    private static String policy(String name, String more) {
        return """
                apiVersion: vmabi.dev/v1alpha1
                kind: VirtualMachineABI
                metadata: {name: %s}
                spec:
                  nodeSelector: {matchLabels: {example.com/pool: %s}}
                  vmm: {name: qemu, minimumVersion: "11.1"}
                %s
                """.formatted(name, name, more.indent(2));
    }

    @Test
    void theLifeOfAPolicyByApplyOnly() {
        cluster.nodes.join("life-1", "life", "linux-6.1-cortex-a76");
        cluster.nodes.join("life-2", "life", "linux-6.12-cortex-a76");
        cluster.nodes.join("life-3", "life", "linux-6.18-cortex-a76");
        cluster.apply(policy("life", "raise: {soak: 3s}"));
        cluster.expect("life", s -> {
            assertThat(s.baseline().label()).isEqualTo("12a29ae87c256c9e");
            assertThat(s.nodes().accepting()).isEqualTo(3);
        });
        assertThat(cluster.condition("life", "Converged")).startsWith("True AllAccept");

        cluster.nodes.reboot("life-1", "linux-6.12-cortex-a76");
        cluster.await(() -> assertThat(cluster.labels("life-1")).isEmpty());
        cluster.nodes.agentComesUp("life-1", "linux-6.12-cortex-a76");
        cluster.await(
                () -> assertThat(cluster.condition("life", "RaiseAvailable")).startsWith("True Proved"));
        String candidate = cluster.status("life").candidate().digest();
        assertThat(cluster.status("life").candidate().gains()).contains("FEAT_Debugv8p2");

        cluster.apply(policy("life", "raise: {soak: 3s, approve: " + candidate + "}"));
        cluster.expect("life", s -> {
            assertThat(s.baseline().generation()).isEqualTo(2);
            assertThat(s.baseline().digest()).isEqualTo(candidate);
            assertThat(s.previous()).isNull();
            assertThat(s.history()).extracting(c -> c.what()).containsExactly("Finalised", "Raised", "Pinned");
        });

        cluster.nodes.join("life-4", "life", "linux-6.1-cortex-a76");
        cluster.expect(
                "life",
                s -> assertThat(s.fencedNodes()).singleElement().satisfies(f -> {
                    assertThat(f.name()).isEqualTo("life-4");
                    assertThat(f.lostFeatures()).contains("FEAT_Debugv8p2");
                }));
        String report = client().resources(NodeABI.class)
                .withName("life-4")
                .get()
                .getMetadata()
                .getUid();
        cluster.await(() -> assertThat(client().events()
                        .v1()
                        .events()
                        .inNamespace("default")
                        .list()
                        .getItems())
                .filteredOn(e -> e.getReason().equals("NodeFenced"))
                .extracting(Event::getRegarding)
                .anyMatch(r -> r.getKind().equals("Node") && r.getName().equals("life-4"))
                .anyMatch(r -> r.getKind().equals("NodeABI") && r.getUid().equals(report)));
        assertThat(cluster.status("life").baseline().digest()).isEqualTo(candidate);

        cluster.apply(policy(
                "life",
                "raise: {soak: 3s, approve: " + candidate + "}\nfences: [{surface: WritableIDRegisters, raise: Now}]"));
        cluster.await(() -> assertThat(cluster.nodeCondition("life-4", "Compatible"))
                .contains("before the raised fence WritableIDRegisters"));

        client().resources(VirtualMachineABI.class).withName("life").delete();
        cluster.await(
                () -> assertThat(cluster.nodeCondition("life-2", "Compatible")).startsWith("False NoPolicy"));
    }

    /** Node provisioners hold a node that is being deleted with a finalizer until its VMs are gone, which may take days. */
    @Test
    void aNodeThatIsBeingDeletedIsDecidedUntilItIsGone() {
        cluster.nodes.join("leaving-1", "leaving", "linux-6.12-cortex-a76");
        cluster.apply(policy("leaving", "raise: {soak: 1h}"));
        cluster.expect("leaving", s -> assertThat(s.nodes().accepting()).isEqualTo(1));
        cluster.settle();
        Set<String> proved = cluster.labels("leaving-1");
        assertThat(proved).isNotEmpty();
        Resource<Node> node = client().nodes().withName("leaving-1");
        finalizers(node, "example.com/drain");
        node.delete();
        assertThat(node.get().isMarkedForDeletion()).isTrue();

        cluster.nodes.reboot("leaving-1", "linux-6.12-cortex-a76");
        cluster.await(() -> assertThat(cluster.labels("leaving-1")).isEmpty());
        cluster.nodes.agentComesUp("leaving-1", "linux-6.12-cortex-a76");
        cluster.await(() -> assertThat(cluster.labels("leaving-1")).isEqualTo(proved));

        finalizers(node);
        cluster.expect("leaving", s -> assertThat(s.nodes().matched()).isZero());
        cluster.nodes.join("leaving-1", "leaving", "linux-6.12-cortex-a76");
        cluster.await(() -> assertThat(cluster.labels("leaving-1")).isEqualTo(proved));
    }

    private static void finalizers(Resource<Node> node, String... finalizers) {
        Node _ = node.edit(n -> new NodeBuilder(n)
                .editMetadata()
                .withFinalizers(finalizers)
                .endMetadata()
                .build());
    }

    @Test
    void aLabelThatSomebodyElsePutOnANodeGoes() {
        cluster.nodes.join("marked-1", "marked", "linux-6.12-cortex-a76");
        cluster.apply(policy("marked", "raise: {soak: 1h}"));
        cluster.expect("marked", s -> assertThat(s.nodes().accepting()).isEqualTo(1));
        cluster.settle();
        Set<String> proved = cluster.labels("marked-1");
        Node _ = client().nodes()
                .withName("marked-1")
                .edit(n -> new NodeBuilder(n)
                        .editMetadata()
                        .addToLabels(Names.nodeLabel("0123456789abcdef"), "true")
                        .addToLabels("example.com/mine", "true")
                        .removeFromLabels(Names.nodeLabel(proved.iterator().next()))
                        .endMetadata()
                        .build());
        cluster.await(() -> assertThat(cluster.labels("marked-1")).isEqualTo(proved));
        assertThat(client().nodes().withName("marked-1").get().getMetadata().getLabels())
                .containsEntry("example.com/mine", "true");
    }

    @Test
    void whatASchemaCannotSayIsReportedWithWhatToDo() {
        cluster.apply(policy("unknown-feature", "baseline: {require: [FEAT_SVE9], exclude: [vendorHyp.PTPP]}"));
        cluster.await(() -> assertThat(cluster.condition("unknown-feature", "Ready"))
                .startsWith("False PolicyInvalid: ")
                .contains("spec.baseline.require: FEAT_SVE9 is not known; the nearest known names are FEAT_SVE")
                .contains("spec.baseline.exclude: vendorHyp.PTPP is not known"));
        cluster.apply(policy("unknown-feature", "baseline: {require: [FEAT_SVE]}"));
        cluster.await(() -> assertThat(cluster.condition("unknown-feature", "Ready"))
                .startsWith("False NoNodes: spec.nodeSelector matches no arm64 node"));
    }

    @Test
    void rubbishIsReportedAndHarmsNobodyElse() {
        cluster.nodes.join("honest-1", "honest", "linux-6.12-cortex-a57");
        cluster.nodes.join("honest-2", "honest", "linux-6.12-cortex-a57");
        cluster.apply(policy("honest", "raise: {soak: 1h}"));
        cluster.expect("honest", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
        String pin = cluster.status("honest").baseline().label();

        ABIProfile lying = new ABIProfile();
        lying.setMetadata(new ObjectMetaBuilder().withName("f".repeat(64)).build());
        lying.setSpec(ABIProfileSpec.fromHostProfile(
                ReplayFleet.recorded("linux-6.18-max").profile()));
        client().resource(lying).create();
        for (String node : List.of("rubbish-1", "rubbish-2", "rubbish-3", "rubbish-4", "rubbish-5")) {
            client().resource(new NodeBuilder()
                            .withNewMetadata()
                            .withName(node)
                            .addToLabels("kubernetes.io/arch", "arm64")
                            .addToLabels("example.com/pool", "honest")
                            .addToAnnotations("example.com/rack", "Gr\u00f6\u00dfe 5 \u00b5m")
                            .endMetadata()
                            .build())
                    .create();
            client().nodes()
                    .withName(node)
                    .editStatus(n -> new NodeBuilder(
                                    client().nodes().withName("honest-1").get())
                            .withMetadata(n.getMetadata())
                            .build());
        }
        String boot = client().nodes()
                .withName("rubbish-1")
                .get()
                .getStatus()
                .getNodeInfo()
                .getBootID();
        String known = client().resources(NodeABI.class)
                .withName("honest-1")
                .get()
                .getSpec()
                .profile();
        Kvm available = new Kvm(KvmState.Available, null);
        List<Proof> huge = IntStream.range(0, 256)
                .mapToObj(i -> new Proof("%064x".formatted(i), true, i, List.of()))
                .toList();
        report("rubbish-1", new NodeABISpec(available, null, boot, null, null, null, null));
        report("rubbish-2", new NodeABISpec(available, "f".repeat(64), boot, null, null, null, null));
        report("rubbish-3", new NodeABISpec(available, known, "of another boot", null, null, null, huge));
        report("rubbish-4", new NodeABISpec(available, known, boot, "\u0000".repeat(3), null, "x".repeat(64), huge));
        report("rubbish-5", new NodeABISpec(new Kvm(KvmState.ProbeFailed, "?"), null, boot, null, null, null, null));
        report("no-such-node", new NodeABISpec(available, known, boot, null, null, null, huge));
        GuestABI shortName = new GuestABI();
        shortName.setMetadata(new ObjectMetaBuilder().withName("short").build());
        shortName.setSpec(
                client().resources(GuestABI.class).list().getItems().getFirst().getSpec());
        GuestABI _ = client().resource(shortName).create();

        cluster.await(() -> {
            assertThat(OperatedCluster.text(
                            client().resources(GuestABI.class)
                                    .withName("short")
                                    .get()
                                    .getStatus()
                                    .conditions(),
                            "Valid"))
                    .startsWith("False ContentInvalid: the content has digest ");
            assertThat(cluster.nodeCondition("rubbish-1", "Reporting"))
                    .isEqualTo("False Unusable: spec.profile of NodeABI rubbish-1 is missing");
            assertThat(cluster.nodeCondition("rubbish-2", "Reporting"))
                    .contains("False Unusable: ABIProfile ffffffffffffffff", "does not exist or does not hold");
            assertThat(cluster.nodeCondition("rubbish-3", "Fresh")).startsWith("False EarlierBoot");
            assertThat(cluster.nodeCondition("rubbish-4", "Compatible")).startsWith("False Waiting: has not proved");
            assertThat(cluster.nodeCondition("rubbish-5", "Reporting")).startsWith("False ");
            assertThat(OperatedCluster.text(
                            client().resources(ABIProfile.class)
                                    .withName("f".repeat(64))
                                    .get()
                                    .getStatus()
                                    .conditions(),
                            "Valid"))
                    .startsWith("False ContentInvalid: the content has digest ");
        });
        cluster.nodes.join("honest-3", "honest", "linux-6.12-cortex-a57");
        cluster.expect("honest", s -> assertThat(s.nodes().accepting()).isEqualTo(3));
        cluster.await(() -> assertThat(List.of("honest-1", "honest-2", "honest-3"))
                .allSatisfy(n -> assertThat(cluster.labels(n)).contains(pin)));
        assertThat(List.of("rubbish-1", "rubbish-2", "rubbish-3", "rubbish-4", "rubbish-5"))
                .allSatisfy(n -> assertThat(cluster.labels(n)).isEmpty());
    }

    @Test
    void kubeVirtMayComeLater() {
        cluster.nodes.join("late-1", "late", "linux-6.12-cortex-a57");
        cluster.apply(policy("late", "raise: {soak: 1h}"));
        cluster.expect("late", s -> assertThat(s.nodes().accepting()).isEqualTo(1));
        assertThat(cluster.status("late").virtualMachines().total()).isZero();

        new DemoCluster(client()).installKubeVirt();
        GenericKubernetesResource vmi = new GenericKubernetesResourceBuilder()
                .withApiVersion("kubevirt.io/v1")
                .withKind("VirtualMachineInstance")
                .withNewMetadata()
                .withNamespace("default")
                .withName("vm")
                .endMetadata()
                .addToAdditionalProperties(
                        "spec", Map.of("architecture", "arm64", "domain", Map.of("devices", Map.of())))
                .addToAdditionalProperties("status", Map.of("phase", "Running", "nodeName", "late-1"))
                .build();
        client().resource(vmi).create();
        String born = ReplayFleet.recorded("linux-6.12-cortex-a57")
                .profile()
                .defaultGuestAbi()
                .digest()
                .label();
        cluster.await(
                () -> assertThat(client().resource(vmi).get().getMetadata().getLabels())
                        .containsEntry(Names.STAMP, born));
        cluster.expect("late", s -> assertThat(s.virtualMachines().total()).isEqualTo(1));
    }

    @Test
    void nothingIsWrittenWhenNothingChanges() {
        cluster.nodes.join("steady-1", "steady", "linux-6.12-cortex-a57");
        cluster.nodes.join("steady-2", "steady", "linux-6.18-cortex-a57");
        cluster.apply(policy("steady", "raise: {soak: 1h}"));
        cluster.expect("steady", s -> assertThat(s.nodes().accepting()).isEqualTo(2));
        cluster.settle();

        Map<String, String> before = cluster.versions();
        String counted = writes();
        Awaitility.await().pollDelay(Duration.ofSeconds(5)).until(() -> true);
        assertThat(OperatedCluster.written(before, cluster.versions())).isEmpty();
        assertThat(writes()).isEqualTo(counted);

        NodeABI report = client().resources(NodeABI.class).withName("steady-1").get();
        NodeABISpec spec = report.getSpec();
        report.setSpec(new NodeABISpec(
                spec.kvm(),
                spec.profile(),
                spec.bootID(),
                spec.kernelRelease(),
                spec.cpus(),
                "another",
                spec.proofs()));
        client().resource(report).update();
        cluster.await(() -> assertThat(client().resources(NodeABI.class)
                        .withName("steady-1")
                        .get()
                        .getStatus()
                        .observedGeneration())
                .isEqualTo(report.getMetadata().getGeneration() + 1));
        cluster.settle();
        assertThat(OperatedCluster.written(before, cluster.versions())).containsExactly("NodeABI/steady-1");
    }

    private static void report(String node, NodeABISpec spec) {
        NodeABI report = new NodeABI();
        report.setMetadata(new ObjectMetaBuilder().withName(node).build());
        report.setSpec(spec);
        client().resource(report).create();
    }

    private static String writes() {
        return String.join(
                "\n",
                operator.metrics()
                        .lines()
                        .filter(l -> l.startsWith("vmabi_writes_total"))
                        .sorted()
                        .toList());
    }

    private static KubernetesClient client() {
        return cluster.client;
    }
}
