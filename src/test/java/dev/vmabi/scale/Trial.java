package dev.vmabi.scale;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostGenerator;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.RecordedHosts;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.cli.Host;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.Story;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.FreePort;
import dev.vmabi.devserver.RealServer;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinitionBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;

/** A fleet of one pool on an API server, the operator beside it, and the table of what was measured. */
final class Trial implements AutoCloseable {
    static final String POOL = "pool";
    private static final Vmm QEMU = Vmm.parse("qemu:11.1");
    private static final Duration PATIENCE = Duration.ofMinutes(20);

    /** @param brief no VM is to be stamped: they come with their stamps */
    record Size(int nodes, int vms, int profiles, int heapMiB, boolean brief) {}

    private final ApiServer server;
    private final Size size;
    private final KubernetesClient client;
    private final SimulatedFleet fleet;
    private final List<Host> hosts;
    private final GuestAbi pin;
    private final int gatePort = FreePort.next();
    private final ScaleTable table = new ScaleTable();
    private OperatorWatch operator;

    Trial(ApiServer server, Size size) {
        this.server = server;
        this.size = size;
        this.client = server.client();
        this.fleet = new SimulatedFleet(client);
        this.hosts = hosts(size.profiles());
        this.pin = pin(hosts);
    }

    Size size() {
        return size;
    }

    KubernetesClient client() {
        return client;
    }

    SimulatedFleet fleet() {
        return fleet;
    }

    GuestAbi pin() {
        return pin;
    }

    ScaleTable table() {
        return table;
    }

    OperatorWatch operator() {
        return operator;
    }

    /** The host that this node has after so many reboots into other kernels. */
    Host host(int node, int reboots) {
        return hosts.get((node + reboots) % hosts.size());
    }

    static String node(int i) {
        return SimulatedFleet.name("node", i);
    }

    static String vm(int i) {
        return SimulatedFleet.name("vm", i);
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
        hosts.forEach(h -> known.add(birth(h)));
        return known;
    }

    private static GuestAbi birth(Host host) {
        return host.profile().birth(Clamp.NONE);
    }

    /** Makes definitions, webhooks, nodes, reports and VMs. */
    void populate() {
        System.out.printf(
                "%d nodes, %d VMs, %d profiles; %s%n", size.nodes(), size.vms(), size.profiles(), server.describe());
        new DemoCluster(client).install();
        // With two versions served the API server grew to 21 GiB at 50,000 VMs; one per version is a guess.
        var _ = client.apiextensions()
                .v1()
                .customResourceDefinitions()
                .withName("virtualmachineinstances.kubevirt.io")
                .edit(c -> new CustomResourceDefinitionBuilder(c)
                        .editSpec()
                        .removeMatchingFromVersions(v -> !v.getName().equals("v1"))
                        .endSpec()
                        .build());
        new DemoCluster(client).gate(gatePort);
        long start = System.nanoTime();
        if (size.brief()) {
            hosts.stream().map(Trial::birth).distinct().forEach(fleet::publish);
        }
        IntFunction<Optional<GuestAbi>> stamps = i -> size.brief() ? Optional.of(birth(host(i, 0))) : Optional.empty();
        if (server instanceof RealServer real) {
            int nodes = Math.min(hosts.size(), size.nodes());
            int vms = Math.min(hosts.size(), size.vms());
            fleet.add("node", POOL, nodes, hosts, known());
            fleet.addVms("vm", vms, "node", size.nodes(), stamps);
            Copies copies = new Copies(real.etcd(), client, fleet);
            copies.nodes("node", nodes, size.nodes());
            copies.vms("vm", vms, size.vms(), "node", size.nodes());
            restart(real);
        } else {
            fleet.add("node", POOL, size.nodes(), hosts, known());
            fleet.addVms("vm", size.vms(), "node", size.nodes(), stamps);
        }
        table.say("objects made in " + since(start).toSeconds() + " s");
    }

    /** At its start it lists what is in etcd; told of the copies one by one, its watch cache was minutes behind. */
    private static void restart(RealServer server) {
        try {
            server.restart(Duration.ZERO);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    Path kubeconfig() {
        return server.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator"));
    }

    void startOperator() {
        operator = new OperatorWatch(new OperatorProcess(
                kubeconfig(),
                server.directory(),
                "operator",
                Map.of("vmabi.gate.port", String.valueOf(gatePort)),
                size.heapMiB()));
        await("the operator to be ready", () -> operator.operator().ready());
    }

    VirtualMachineABIStatus status() {
        return client.resources(VirtualMachineABI.class).withName(POOL).get().getStatus();
    }

    void awaitAllAccept(int expected) {
        await(expected + " nodes to accept", () -> {
            VirtualMachineABIStatus.NodeCounts counts = status().nodes();
            return counts.matched() == expected && counts.accepting() == expected;
        });
    }

    /** Adds a row of what something cost the operator since it had used that much of the processor. */
    void cost(String what, Duration cpuBefore) {
        table.say(
                "%s: %.1f s of the operator's processor, %d MiB resident, at most %d since its start, at most %d waiting"
                        .formatted(
                                what,
                                operator.cpu().minus(cpuBefore).toMillis() / 1000.0,
                                operator.operator().residentMiB(),
                                operator.operator().peakMiB(),
                                operator.deepestQueue()));
    }

    static Map<String, Long> difference(Map<String, Long> before, Map<String, Long> now) {
        Map<String, Long> difference = new TreeMap<>();
        now.forEach((kind, n) -> {
            long more = n - before.getOrDefault(kind, 0L);
            if (more != 0) {
                difference.put(kind, more);
            }
        });
        return difference;
    }

    static Duration since(long start) {
        return Duration.ofNanos(System.nanoTime() - start);
    }

    static void await(String what, BooleanSupplier holds) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("waited " + PATIENCE.toMinutes() + " min in vain for " + what);
            }
            Story.pause(Duration.ofMillis(50));
        }
    }

    @Override
    public void close() {
        if (operator != null) {
            operator.operator().close();
        }
        client.close();
    }
}
