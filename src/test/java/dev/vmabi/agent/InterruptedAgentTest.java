package dev.vmabi.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.Relay;
import dev.vmabi.kvm.HostFacts;
import dev.vmabi.kvm.RecordedHosts;
import dev.vmabi.kvm.ReplayedKernel;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An agent that dies in the midst of publishing, or whose API server goes away; on whichever server is asked for. */
class InterruptedAgentTest {

    private static final String NODE = "node-1";
    private static final String BOOT = "0b0f6a32-6d0c-4f0e-8c7d-000000000001";
    private static final Duration LONG = Duration.ofMinutes(1);

    /** How long the API server is away, in seconds; more by {@code -Dvmabi.outage=200}. */
    private static final int OUTAGE = Integer.getInteger("vmabi.outage", 8);

    private static ApiServer server;
    private static KubernetesClient client;

    private final HostProfile profile = RecordedHosts.profile("linux-6.12-neoverse-n1");
    private final GuestAbi own = profile.defaultGuestAbi();
    private final GuestAbi newer =
            RecordedHosts.profile("linux-6.18-neoverse-n1").defaultGuestAbi();
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();

    private Relay relay;
    private Metrics metrics;
    private NodeAgent agent;
    private Thread thread;

    @BeforeAll
    static void startServer() {
        server = ApiServers.start();
        client = server.client();
        new DemoCluster(client).installOwn();
    }

    @AfterAll
    static void stopServer() {
        client.close();
        server.close();
    }

    @BeforeEach
    void emptyCluster() {
        relay = new Relay(server.url());
        List.of("NodeABI", "ABIProfile", "GuestABI")
                .forEach(kind -> client.genericKubernetesResources(Names.API_VERSION, kind)
                        .delete());
        client.nodes().withName(NODE).delete();
        await().until(() -> client.nodes().withName(NODE).get() == null);
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
                        .withBootID(BOOT)
                        .withArchitecture("arm64")
                        .withContainerRuntimeVersion("")
                        .withKernelVersion("")
                        .withKubeProxyVersion("")
                        .withKubeletVersion("")
                        .withMachineID("")
                        .withOperatingSystem("linux")
                        .withOsImage("")
                        .withSystemUUID("")
                        .endNodeInfo()
                        .endStatus()
                        .build());
        propose(own);
        propose(newer);
    }

    @AfterEach
    void stopAgent() throws IOException, InterruptedException {
        kill();
        relay.close();
    }

    /** Cut when a part of all bytes of a publication has gone up to the server, or down to the agent. */
    @ParameterizedTest
    @CsvSource({"0.3,up", "0.5,up", "0.7,up", "0.85,up", "0.95,up", "0.3,down", "0.6,down", "0.8,down", "0.97,down"})
    void anAgentKilledInMidPublicationLeavesNothingWrongAndItsSuccessorMendsTheRest(double part, String way)
            throws IOException, InterruptedException {
        start();
        await().atMost(LONG).until(() -> metrics.isPublished());
        kill();
        long up = relay.toServer();
        long down = relay.toClient();
        relay.close();
        emptyCluster();

        relay.cutAfter(
                way.equals("up") ? (long) (part * up) : Long.MAX_VALUE,
                way.equals("down") ? (long) (part * down) : Long.MAX_VALUE);
        start();
        await().atMost(LONG).until(() -> relay.isCut());
        kill();
        assertThat(report())
                .satisfiesAnyOf(report -> assertThat(report).isEmpty(), report -> assertSo(report.orElseThrow()));
        assertProfilesAreTrue();

        relay.mend();
        start();
        await().atMost(LONG).until(() -> metrics.isPublished());
        NodeABISpec report = report().orElseThrow();
        assertSo(report);
        assertThat(report.proofs()).hasSize(2);
        assertProfilesAreTrue();
    }

    @Test
    void anApiServerThatIsAwayForLongIsWaitedForAndMissedNothing() throws IOException, InterruptedException {
        client.genericKubernetesResources(Names.API_VERSION, "GuestABI")
                .withName(newer.digest().hex())
                .delete();
        start();
        await().atMost(LONG).until(() -> metrics.isPublished());
        long writes = metrics.writes();
        relay.cut();
        Thread.sleep(Duration.ofSeconds(OUTAGE / 2));
        propose(newer);
        Thread.sleep(Duration.ofSeconds(OUTAGE / 2));
        assertThat(thread.isAlive()).isTrue();
        assertThat(metrics.isPublished()).isTrue();
        // Doubling waits: from the first to the last attempt there are few.
        long attempts = log.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(l -> l.contains("trying again"))
                .count();
        assertThat(attempts).isBetween(1L, 12L);
        relay.mend();
        await().atMost(Duration.ofMinutes(2))
                .untilAsserted(() -> assertThat(report().orElseThrow().proofs()).hasSize(2));
        assertSo(report().orElseThrow());
        // The server has it before the agent has its answer.
        await().atMost(LONG).untilAsserted(() -> assertThat(metrics.writes()).isEqualTo(writes + 1));
    }

    /** Nothing that is not so: a report is of this boot, its profile is there, and its proofs are what the host says. */
    private void assertSo(NodeABISpec report) {
        assertThat(report.bootID()).isEqualTo(BOOT);
        assertThat(report.profile()).isEqualTo(profile.digest().hex());
        assertThat(object("ABIProfile", report.profile())).isPresent();
        Map<String, Boolean> proofs = new TreeMap<>();
        report.proofs().forEach(proof -> proofs.put(proof.guestABI(), proof.accepted()));
        Map<String, Boolean> truth =
                Map.of(own.digest().hex(), true, newer.digest().hex(), false);
        assertThat(truth).containsAllEntriesOf(proofs);
    }

    private void assertProfilesAreTrue() throws IOException {
        for (GenericKubernetesResource live : client.genericKubernetesResources(Names.API_VERSION, "ABIProfile")
                .list()
                .getItems()) {
            ABIProfileSpec spec = ApiClient.JSON.convertValue(live.get("spec"), ABIProfileSpec.class);
            assertThat(spec.toHostProfile().digest().hex())
                    .isEqualTo(live.getMetadata().getName());
        }
    }

    private void start() throws IOException {
        Path kubeconfig = server.directory().resolve("through-relay");
        Files.writeString(
                kubeconfig,
                Files.readString(server.kubeconfig())
                        .replace(server.url().toString(), relay.url().toString()));
        metrics = new Metrics();
        HostFacts facts = new HostFacts(BOOT, "6.12.107", "quiet", new TreeMap<>(Map.of(0x414fd0c1L, List.of(0))));
        agent = new NodeAgent(
                NODE,
                "test",
                new KvmHost(new ReplayedKernel(profile), () -> facts),
                new ApiClient(Cluster.kubeconfig(kubeconfig), metrics),
                metrics,
                new Log(NODE, new PrintStream(log, true, StandardCharsets.UTF_8)));
        thread = Thread.ofPlatform().start(agent);
    }

    /** With its network cut first, so that nothing it still wants to say is heard. */
    private void kill() throws InterruptedException {
        if (agent != null) {
            boolean whole = !relay.isCut();
            relay.cut();
            agent.stop();
            thread.interrupt();
            thread.join(LONG);
            assertThat(thread.isAlive()).isFalse();
            if (whole) {
                relay.mend();
            }
        }
    }

    private void propose(GuestAbi abi) {
        GenericKubernetesResource object = new GenericKubernetesResource();
        object.setApiVersion(Names.API_VERSION);
        object.setKind("GuestABI");
        object.setMetadata(new ObjectMetaBuilder().withName(abi.digest().hex()).build());
        object.setAdditionalProperty("spec", ApiClient.JSON.valueToTree(GuestABISpec.fromGuestAbi(abi)));
        client.resource(object).create();
    }

    private Optional<JsonNode> object(String kind, String name) {
        return Optional.ofNullable(client.genericKubernetesResources(Names.API_VERSION, kind)
                        .withName(name)
                        .get())
                .map(ApiClient.JSON::valueToTree);
    }

    private Optional<NodeABISpec> report() {
        return object("NodeABI", NODE).map(live -> ApiClient.JSON.convertValue(live.get("spec"), NodeABISpec.class));
    }
}
