package dev.vmabi.scale;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostGenerator;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.RecordedHosts;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.cli.Host;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.Driver;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.Story;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BooleanSupplier;

/**
 * {@code make scale}: a fleet of this size, the operator as it ships, and what each thing that happens to a fleet costs,
 * with a floor measured in the same run beside it.
 */
public final class Scale implements AutoCloseable {
    private static final Vmm QEMU = Vmm.parse("qemu:11.1");
    private static final String POOL = "pool";
    private static final Duration LIMIT = Duration.ofHours(3);
    private static final int SINGLE_CHANGES = 10;
    private static final int ROLLED = 100;
    private static final int RACK = 40;
    private static final Duration REST = Duration.ofSeconds(30);
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec:
              nodeSelector: {matchLabels: {example.com/pool: pool}}
              vmm: {name: qemu, minimumVersion: "11.1"}
              enforcement: Enforce
            """;

    private final int nodes;
    private final int vms;
    private final int heapMiB;
    private final boolean brief;
    private final ApiServer server;
    private final KubernetesClient client;
    private final SimulatedFleet fleet;
    private final Floor floor;
    private final List<Host> hosts;
    private final GuestAbi pin;
    private final int gatePort = freePort();
    private final ScaleTable table = new ScaleTable();
    private OperatorWatch operator;

    private Scale(ApiServer server, int nodes, int vms, int profiles, int heapMiB, boolean brief) {
        this.server = server;
        this.nodes = nodes;
        this.vms = vms;
        this.heapMiB = heapMiB;
        this.brief = brief;
        this.client = server.client();
        this.fleet = new SimulatedFleet(client);
        this.floor = new Floor(client);
        this.hosts = hosts(profiles);
        this.pin = pin(hosts);
    }

    public static void main(String[] arguments) {
        Driver.run("The scale trial failed", LIMIT, () -> {
            try (ApiServer server = ApiServers.start();
                    Scale scale = new Scale(
                            server,
                            Integer.parseInt(arguments[0]),
                            Integer.parseInt(arguments[1]),
                            Integer.parseInt(arguments[2]),
                            Integer.parseInt(arguments[3]),
                            arguments.length > 4)) {
                scale.run();
            }
            return null;
        });
    }

    /** Hosts of one CPU that differ as kernels, firmware and microcode make them differ. */
    private static List<Host> hosts(int number) {
        HostGenerator generator = new HostGenerator(11);
        HostProfile base = RecordedHosts.profile("linux-6.18-max");
        Set<HostProfile> distinct = new LinkedHashSet<>();
        while (distinct.size() < number) {
            distinct.add(generator.lowerHost(base));
        }
        List<Host> hosts = new ArrayList<>();
        distinct.forEach(p -> hosts.add(new Host("linux-6.18-host" + hosts.size(), "6.18.15-arm64", "profile", p)));
        return List.copyOf(hosts);
    }

    private static GuestAbi pin(List<Host> hosts) {
        List<HostProfile> profiles = hosts.stream().map(Host::profile).toList();
        if (Minimum.of(profiles, QEMU, Exclusions.NONE) instanceof Minimum.Common common) {
            return common.abi();
        }
        throw new IllegalStateException("the simulated hosts have no minimum");
    }

    /** What every node has proved by the time it reports: the pin, and what VMs were born with before it. */
    private List<GuestAbi> known() {
        List<GuestAbi> known = new ArrayList<>(List.of(pin));
        hosts.forEach(h -> known.add(h.profile().birth(Clamp.NONE)));
        return known;
    }

    private void run() throws IOException {
        System.out.printf("%d nodes, %d VMs, %d profiles; %s%n", nodes, vms, hosts.size(), server.describe());
        new DemoCluster(client).install();
        new DemoCluster(client).gate(gatePort);
        timed("objects made", () -> {
            if (brief) {
                hosts.stream()
                        .map(h -> h.profile().birth(Clamp.NONE))
                        .distinct()
                        .forEach(fleet::publish);
            }
            fleet.add("node", POOL, nodes, hosts, known());
            fleet.addVms(
                    "vm",
                    vms,
                    "node",
                    nodes,
                    i -> brief
                            ? Optional.of(hosts.get(i % hosts.size()).profile().birth(Clamp.NONE))
                            : Optional.empty());
        });
        firstPin();
        rest();
        restart();
        singleChanges();
        if (!brief) {
            rollOut();
            massReboot();
            bootsAndMigrations();
            rackLoss();
            rest();
        }
        table.print();
    }

    @Override
    public void close() {
        if (operator != null) {
            operator.operator().close();
        }
        client.close();
    }

    private void start() {
        operator = new OperatorWatch(new OperatorProcess(
                server.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                server.directory(),
                "operator",
                Map.of("vmabi.gate.port", String.valueOf(gatePort)),
                heapMiB));
        await("the operator to be ready", () -> operator.operator().ready());
    }

    /** An operator that comes to a fleet that has never been pinned: every node is labelled, every VM stamped. */
    private void firstPin() {
        int stamped = brief ? 0 : vms;
        Duration patches = floor.patches(nodes, stamped);
        start();
        operator.awaitWrites("NodeABI", Map.of(), nodes);
        cost("every report answered, without a policy", Duration.ZERO);
        Map<String, Long> written = operator.writes();
        ApiCounts before = ApiCounts.of(client);
        Duration cpu = operator.cpu();
        long start = System.nanoTime();
        client.load(new ByteArrayInputStream(POLICY.getBytes(StandardCharsets.UTF_8)))
                .serverSideApply();
        operator.awaitWrites("Node", written, nodes);
        operator.awaitWrites("NodeABI", written, nodes);
        Duration labelled = since(start);
        operator.awaitWrites("VirtualMachineInstance", written, stamped);
        await("the policy to say so", () -> {
            VirtualMachineABIStatus status = status();
            return status != null
                    && status.nodes().accepting() == nodes
                    && status.virtualMachines().total() == vms
                    && status.virtualMachines().unknown() == 0;
        });
        table.row("first pin: nodes labelled and answered", labelled, floor.ofNodes(), "as many patches, bare");
        table.row("first pin: and every VM stamped", since(start), patches, "as many patches, bare");
        table.say("first pin: writes " + difference(written, operator.writes()));
        cost("first pin", cpu);
        table.counts("first pin", ApiCounts.of(client).since(before));
    }

    private void rest() {
        Map<String, Long> before = operator.writes();
        ApiCounts counts = ApiCounts.of(client);
        Duration cpu = operator.cpu();
        Story.pause(REST);
        Map<String, Long> written = difference(before, operator.writes());
        table.say("at rest, " + REST.toSeconds() + " s: " + (written.isEmpty() ? "no write" : "writes " + written));
        cost("at rest", cpu);
        table.counts(
                "at rest (this trial's own reads of metrics among them)",
                ApiCounts.of(client).since(counts));
    }

    private void restart() {
        operator.operator().kill();
        Duration lists = floor.lists();
        ApiCounts before = ApiCounts.of(client);
        long start = System.nanoTime();
        start();
        Duration ready = since(start);
        await("the gate to answer", () -> {
            try {
                return new ScalePods(client).steered(vm(0));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        table.row("restart to first right answer of the gate", since(start), lists, "a bare list of the same objects");
        table.say("restart to ready: " + ready.toMillis() + " ms");
        table.counts("restart", ApiCounts.of(client).since(before));
        awaitLead();
    }

    /** A lease that was not given up is waited for; changes before that would only measure the wait. */
    private void awaitLead() {
        await("the lease", () -> operator.operator().metrics().contains("vmabi_leader 1.0"));
        Story.pause(Duration.ofSeconds(3));
    }

    /** One node reboots into another profile, and nothing else happens. */
    private void singleChanges() {
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        long nanos = 0;
        for (int i = 0; i < SINGLE_CHANGES; i++) {
            Map<String, Long> writes = operator.writes();
            String name = SimulatedFleet.name("node", i);
            String boot = UUID.randomUUID().toString();
            Host next = hosts.get((i + 1) % hosts.size());
            fleet.boot(name, next, boot);
            operator.awaitWrites("Node", writes, 1);
            long reported = System.nanoTime();
            fleet.report(name, next, boot);
            awaitLabelled(name);
            nanos += System.nanoTime() - reported;
        }
        Story.pause(Duration.ofSeconds(1));
        table.say("one node's report to its labels: %d ms; %d ms of the operator's processor for each reboot and report"
                .formatted(
                        nanos / SINGLE_CHANGES / 1_000_000,
                        operator.cpu().minus(cpu).toMillis() / SINGLE_CHANGES));
        table.say("writes for " + SINGLE_CHANGES + " reboots: " + difference(before, operator.writes()));
    }

    private void awaitLabelled(String name) {
        String label = Names.nodeLabel(pin.digest());
        await(
                name + " to be labelled",
                () -> "true"
                        .equals(client.nodes()
                                .withName(name)
                                .get()
                                .getMetadata()
                                .getLabels()
                                .get(label)));
    }

    /** A new kernel goes through the pool node by node. */
    private void rollOut() {
        int rolled = Math.min(ROLLED, nodes);
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        long start = System.nanoTime();
        for (int i = 0; i < rolled; i++) {
            reboot(i);
            Story.pause(Duration.ofMillis(50));
        }
        long last = System.nanoTime();
        awaitAllAccept(nodes);
        table.say("roll-out over %d nodes, one each %d ms: right again %d ms after the last; writes %s"
                .formatted(
                        rolled,
                        (last - start) / rolled / 1_000_000,
                        since(last).toMillis(),
                        difference(before, operator.writes())));
        cost("roll-out", cpu);
    }

    private void reboot(int i) {
        String boot = UUID.randomUUID().toString();
        Host next = hosts.get((i + 2) % hosts.size());
        fleet.boot(SimulatedFleet.name("node", i), next, boot);
        fleet.report(SimulatedFleet.name("node", i), next, boot);
    }

    /** Every node boots at once, and their agents report as they come up. */
    private void massReboot() {
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        long start = System.nanoTime();
        SimulatedFleet.parallel(nodes, this::reboot);
        Duration reported = since(start);
        awaitAllAccept(nodes);
        table.row("mass reboot to all labelled again", since(start), reported, "the kubelets' and agents' own writes");
        table.say("mass reboot: writes " + difference(before, operator.writes()));
        cost("mass reboot", cpu);
    }

    private void bootsAndMigrations() throws IOException {
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        new ScalePods(client).load(table, i -> vm(i % vms), i -> SimulatedFleet.name("node", i % nodes));
        operator.awaitWrites("VirtualMachineInstance", before, ScalePods.BOOTS);
        table.say("boots and migrations: writes " + difference(before, operator.writes()));
        cost("boots and migrations", cpu);
    }

    private void rackLoss() {
        Duration cpu = operator.cpu();
        int lost = Math.min(RACK, nodes / 2);
        long start = System.nanoTime();
        for (int i = 0; i < lost; i++) {
            var _ = client.nodes()
                    .withName(SimulatedFleet.name("node", nodes - 1 - i))
                    .delete();
            var _ = client.resources(NodeABI.class)
                    .withName(SimulatedFleet.name("node", nodes - 1 - i))
                    .delete();
        }
        awaitAllAccept(nodes - lost);
        table.say("%d nodes gone: the policy counts right %d ms after the first went"
                .formatted(lost, since(start).toMillis()));
        cost("rack loss", cpu);
    }

    private String vm(int i) {
        return SimulatedFleet.name("vm", i);
    }

    private void awaitAllAccept(int expected) {
        await(expected + " nodes to accept", () -> {
            VirtualMachineABIStatus.NodeCounts counts = status().nodes();
            return counts.matched() == expected && counts.accepting() == expected;
        });
    }

    private VirtualMachineABIStatus status() {
        return client.resources(VirtualMachineABI.class).withName(POOL).get().getStatus();
    }

    private void cost(String what, Duration cpuBefore) {
        table.say("%s: %.1f s of the operator's processor, %d MiB resident, at most %d waiting"
                .formatted(
                        what,
                        operator.cpu().minus(cpuBefore).toMillis() / 1000.0,
                        operator.operator().residentMiB(),
                        operator.deepestQueue()));
    }

    private static Map<String, Long> difference(Map<String, Long> before, Map<String, Long> now) {
        Map<String, Long> difference = new TreeMap<>();
        now.forEach((kind, n) -> {
            long more = n - before.getOrDefault(kind, 0L);
            if (more != 0) {
                difference.put(kind, more);
            }
        });
        return difference;
    }

    private void timed(String what, Runnable work) {
        long start = System.nanoTime();
        work.run();
        table.say(what + " in " + since(start).toSeconds() + " s");
    }

    private static Duration since(long start) {
        return Duration.ofNanos(System.nanoTime() - start);
    }

    private static void await(String what, BooleanSupplier holds) {
        long end = System.nanoTime() + Duration.ofMinutes(20).toNanos();
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("waited 20 min in vain for " + what);
            }
            Story.pause(Duration.ofMillis(50));
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException("no free port", e);
        }
    }
}
