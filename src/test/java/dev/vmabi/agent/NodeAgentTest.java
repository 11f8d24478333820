package dev.vmabi.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.devserver.DevServer;
import dev.vmabi.kvm.Errno;
import dev.vmabi.kvm.HostFacts;
import dev.vmabi.kvm.Kernel;
import dev.vmabi.kvm.RecordedHosts;
import dev.vmabi.kvm.ReplayedKernel;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The agent against an API server, its host a recorded one. */
class NodeAgentTest {

    private static final String NODE = "node-1";
    private static final String BOOT = "0b0f6a32-6d0c-4f0e-8c7d-000000000001";

    private final HostProfile profile = RecordedHosts.profile("linux-6.12-neoverse-n1");
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();
    private final List<Thread> threads = new ArrayList<>();
    private final List<NodeAgent> agents = new ArrayList<>();

    private DevServer server;
    private KubernetesClient client;
    private Metrics metrics;

    @BeforeEach
    void start() throws IOException {
        Awaitility.setDefaultTimeout(Duration.ofMinutes(1)); // for machines that do much else at a time
        server = DevServer.start();
        client = server.client();
        for (String plural : List.of("abiprofiles", "guestabis", "nodeabis")) {
            Path definition = Path.of("crds", plural + "." + Names.GROUP + ".yaml");
            client.load(Files.newInputStream(definition)).serverSideApply();
        }
        node(BOOT);
    }

    @AfterEach
    void stop() throws InterruptedException {
        agents.forEach(NodeAgent::stop);
        for (Thread thread : threads) {
            thread.join(Duration.ofSeconds(10));
            assertThat(thread.isAlive()).isFalse();
        }
        client.close();
        server.close();
    }

    @Test
    void publishesProfileAndReportOnceAndThenNothing() throws InterruptedException {
        start(new ReplayedKernel(profile));
        await().until(() -> metrics.isPublished());
        assertThat(metrics.writes()).isEqualTo(2);
        JsonNode published = object("abiprofiles", profile.digest().hex()).orElseThrow();
        assertThat(published.at("/spec/guestAbi/vcpuFeatures/0").asText()).isEqualTo("PSCI_0_2");
        NodeABISpec report = report().orElseThrow();
        assertThat(report.profile()).isEqualTo(profile.digest().hex());
        assertThat(report.bootID()).isEqualTo(BOOT);
        assertThat(report.cpus()).containsExactly(new NodeABISpec.Cpu("0x414fd0c1", 4, null));
        JsonNode owner = object("nodeabis", NODE).orElseThrow().at("/metadata/ownerReferences/0");
        assertThat(owner.path("kind").asText()).isEqualTo("Node");
        assertThat(owner.path("uid").asText())
                .isEqualTo(client.nodes().withName(NODE).get().getMetadata().getUid());

        restart();
        await().until(() -> metrics.isPublished());
        assertThat(metrics.writes()).isZero();
    }

    @Test
    void provesEachGuestAbiAndForgetsTheOnesThatGo() {
        start(new ReplayedKernel(profile));
        GuestAbi own = profile.defaultGuestAbi();
        GuestAbi newer = RecordedHosts.profile("linux-6.18-neoverse-n1").defaultGuestAbi();
        create(own);
        create(newer);
        await().untilAsserted(() -> assertThat(proofs()).hasSize(2));
        assertThat(proofs().get(own.digest().hex()).accepted()).isTrue();
        NodeABISpec.Proof refused = proofs().get(newer.digest().hex());
        assertThat(refused.accepted()).isFalse();
        assertThat(refused.refused()).isNotEmpty();
        delete(newer);
        await().untilAsserted(
                        () -> assertThat(proofs()).containsOnlyKeys(own.digest().hex()));
    }

    @Test
    void aRestartTakesNoProofBack() {
        start(new ReplayedKernel(profile));
        create(profile.defaultGuestAbi());
        await().untilAsserted(() -> assertThat(proofs()).hasSize(1));
        String before = object("nodeabis", NODE)
                .orElseThrow()
                .at("/metadata/resourceVersion")
                .asText();
        restart();
        await().until(() -> metrics.isPublished());
        assertThat(metrics.writes()).isZero();
        assertThat(object("nodeabis", NODE)
                        .orElseThrow()
                        .at("/metadata/resourceVersion")
                        .asText())
                .isEqualTo(before);
    }

    @Test
    void aKillBetweenTheTwoWritesIsMendedByTheNextStart() throws IOException, InterruptedException {
        ApiClient api = new ApiClient(Cluster.kubeconfig(server.kubeconfig()), new Metrics());
        api.apply("/apis/vmabi.dev/v1alpha1/abiprofiles/" + profile.digest(), Reports.abiProfile(profile));
        start(new ReplayedKernel(profile));
        await().until(() -> metrics.isPublished());
        assertThat(metrics.writes()).isEqualTo(1);
        assertThat(report()).isPresent();
    }

    @Test
    void anApiServerThatIsAwayIsWaitedFor() {
        start(new ReplayedKernel(profile));
        await().until(() -> metrics.isPublished());
        server.pause();
        await().untilAsserted(
                        () -> assertThat(log.toString(StandardCharsets.UTF_8)).contains("trying again"));
        assertThat(metrics.isPublished()).isTrue();
        server.compact(); // what happened meanwhile cannot be resumed
        server.resume();
        create(profile.defaultGuestAbi());
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(proofs()).hasSize(1));
    }

    @Test
    void aWatchThatEndsIsResumed() {
        start(new ReplayedKernel(profile));
        await().until(() -> metrics.isPublished());
        server.closeWatches();
        create(profile.defaultGuestAbi());
        await().untilAsserted(() -> assertThat(proofs()).hasSize(1));
        server.compact();
        server.closeWatches();
        create(RecordedHosts.profile("linux-6.1-neoverse-n1").defaultGuestAbi());
        await().untilAsserted(() -> assertThat(proofs()).hasSize(2));
    }

    @Test
    void manyGuestAbisAreReadInPages() {
        Set<String> names = new TreeSet<>();
        for (String host : RecordedHosts.names()) {
            for (Clamp clamp : List.of(Clamp.NONE, Clamp.parse("pmu=off"), Clamp.parse("psci=1.0"))) {
                GuestAbi abi = RecordedHosts.profile(host).birth(clamp);
                if (names.add(abi.digest().hex())) {
                    create(abi);
                }
            }
        }
        assertThat(names).hasSizeGreaterThan(32);
        start(new ReplayedKernel(profile));
        await().untilAsserted(() -> assertThat(proofs()).containsOnlyKeys(names));
        assertThat(object("nodeabis", NODE).orElseThrow().get("spec").toString().length())
                .isLessThan(1024 + 96 * names.size());
    }

    @Test
    void aGuestAbiThatLiesIsNotProvedAndStopsNobody() {
        GuestAbi own = profile.defaultGuestAbi();
        create("f".repeat(64), own);
        create(own);
        start(new ReplayedKernel(profile));
        await().untilAsserted(
                        () -> assertThat(proofs()).containsOnlyKeys(own.digest().hex()));
        assertThat(log.toString(StandardCharsets.UTF_8))
                .containsOnlyOnce("GuestABI " + "f".repeat(64) + " is not proved");
    }

    @Test
    void aProfileThatWasTamperedWithIsMended() {
        start(new ReplayedKernel(profile));
        await().until(() -> metrics.isPublished());
        stopAgent();
        HostProfile other = RecordedHosts.profile("linux-6.1-neoverse-n1");
        ObjectNode lie = (ObjectNode) Reports.abiProfile(other);
        ((ObjectNode) lie.get("metadata")).put("name", profile.digest().hex());
        GenericKubernetesResource resource = ApiClient.JSON.convertValue(lie, GenericKubernetesResource.class);
        client.genericKubernetesResources(Names.API_VERSION, "ABIProfile")
                .withName(profile.digest().hex())
                .delete();
        client.resource(resource).create();
        start(new ReplayedKernel(profile));
        await().until(() -> metrics.isPublished());
        assertThat(report().orElseThrow().profile()).isEqualTo(profile.digest().hex());
    }

    @Test
    void aHostThatIsNotTheNodePublishesNothing() throws InterruptedException {
        client.nodes().withName(NODE).delete();
        node("0b0f6a32-6d0c-4f0e-8c7d-0000000000ff");
        start(new ReplayedKernel(profile));
        await().untilAsserted(
                        () -> assertThat(log.toString(StandardCharsets.UTF_8)).contains("this is another host"));
        assertThat(report()).isEmpty();
        assertThat(metrics.writes()).isZero();
    }

    @Test
    void twoAgentsThatClaimOneNodeDoNotFight() throws InterruptedException {
        start(new ReplayedKernel(profile));
        await().until(() -> metrics.isPublished());
        HostProfile other = RecordedHosts.profile("linux-6.1-cortex-a57");
        Metrics intruder = new Metrics();
        start(
                new KvmHost(
                        new ReplayedKernel(other), () -> facts("0b0f6a32-6d0c-4f0e-8c7d-0000000000ff", 0x411fd070L)),
                intruder);
        await().untilAsserted(
                        () -> assertThat(log.toString(StandardCharsets.UTF_8)).contains("this is another host"));
        assertThat(intruder.writes()).isZero();
        assertThat(report().orElseThrow().profile()).isEqualTo(profile.digest().hex());
    }

    @Test
    void withoutKvmTheStateIsPublished() {
        ReplayedKernel kernel = new ReplayedKernel(profile);
        kernel.failCall(0, Errno.EACCES);
        start(kernel);
        await().until(() -> metrics.isPublished());
        NodeABISpec report = report().orElseThrow();
        assertThat(report.kvm().state()).isEqualTo(NodeABISpec.KvmState.NoPermission);
        assertThat(report.kvm().message()).contains("kvm group");
        assertThat(report.profile()).isNull();
        assertThat(log.toString(StandardCharsets.UTF_8)).containsOnlyOnce("kvm=NoPermission");
    }

    @Test
    void aHangupProbesAgain() {
        ReplayedKernel kernel = new ReplayedKernel(profile);
        kernel.failCall(0, Errno.ENOENT);
        start(kernel);
        create(profile.defaultGuestAbi());
        await().until(() -> metrics.isPublished());
        assertThat(report().orElseThrow().kvm().state()).isEqualTo(NodeABISpec.KvmState.NoDevice);
        kernel.failCall(-1, Errno.UNKNOWN);
        agents.getLast().probeAgain();
        await().untilAsserted(() -> assertThat(proofs()).hasSize(1));
        assertThat(report().orElseThrow().kvm().state()).isEqualTo(NodeABISpec.KvmState.Available);
    }

    @Test
    void aKernelThatFailsOnceIsAskedAgain() {
        ReplayedKernel kernel = new ReplayedKernel(profile);
        start(kernel);
        await().until(() -> metrics.isPublished());
        kernel.failCall(4, Errno.ENOMEM); // KVM_CREATE_VM
        create(profile.defaultGuestAbi());
        await().untilAsserted(() -> assertThat(proofs()).hasSize(1));
        assertThat(proofs().get(profile.defaultGuestAbi().digest().hex()).accepted())
                .isTrue();
        assertThat(log.toString(StandardCharsets.UTF_8)).contains("ENOMEM");
    }

    private void start(Kernel kernel) {
        metrics = new Metrics();
        start(new KvmHost(kernel, () -> facts(BOOT, 0x414fd0c1L)), metrics);
    }

    private void start(Host host, Metrics counted) {
        ApiClient api = new ApiClient(Cluster.kubeconfig(server.kubeconfig()), counted);
        Log lines = new Log(NODE, new PrintStream(log, true, StandardCharsets.UTF_8));
        NodeAgent agent = new NodeAgent(NODE, "test", host, api, counted, lines);
        agents.add(agent);
        threads.add(Thread.ofPlatform().start(agent));
    }

    private void restart() {
        stopAgent();
        start(new ReplayedKernel(profile));
    }

    private void stopAgent() {
        agents.getLast().stop();
        await().until(() -> !threads.getLast().isAlive());
    }

    private static HostFacts facts(String bootId, long midr) {
        return new HostFacts(bootId, "6.12.107", "quiet", new TreeMap<>(Map.of(midr, List.of(0, 1, 2, 3))));
    }

    private void node(String bootId) {
        client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(NODE)
                        .endMetadata()
                        .build())
                .create();
        client.nodes()
                .withName(NODE)
                .editStatus(node -> new NodeBuilder(node)
                        .editOrNewStatus()
                        .editOrNewNodeInfo()
                        .withBootID(bootId)
                        .endNodeInfo()
                        .endStatus()
                        .build());
    }

    private void create(GuestAbi abi) {
        create(abi.digest().hex(), abi);
    }

    private void create(String name, GuestAbi abi) {
        GenericKubernetesResource resource = new GenericKubernetesResource();
        resource.setApiVersion(Names.API_VERSION);
        resource.setKind("GuestABI");
        resource.setMetadata(new io.fabric8.kubernetes.api.model.ObjectMetaBuilder()
                .withName(name)
                .build());
        resource.setAdditionalProperty("spec", ApiClient.JSON.valueToTree(GuestABISpec.fromGuestAbi(abi)));
        client.resource(resource).create();
    }

    private void delete(GuestAbi abi) {
        client.genericKubernetesResources(Names.API_VERSION, "GuestABI")
                .withName(abi.digest().hex())
                .delete();
    }

    private Optional<JsonNode> object(String plural, String name) {
        String kind = Map.of("abiprofiles", "ABIProfile", "nodeabis", "NodeABI").get(plural);
        return Optional.ofNullable(client.genericKubernetesResources(Names.API_VERSION, kind)
                        .withName(name)
                        .get())
                .map(ApiClient.JSON::valueToTree);
    }

    private Optional<NodeABISpec> report() {
        return object("nodeabis", NODE)
                .map(object -> ApiClient.JSON.convertValue(object.get("spec"), NodeABISpec.class));
    }

    private Map<String, NodeABISpec.Proof> proofs() {
        Map<String, NodeABISpec.Proof> proofs = new TreeMap<>();
        report().ifPresent(report -> report.proofs().forEach(proof -> proofs.put(proof.guestABI(), proof)));
        return proofs;
    }
}
