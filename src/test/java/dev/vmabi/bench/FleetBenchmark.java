package dev.vmabi.bench;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostGenerator;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RecordedHosts;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Cpu;
import dev.vmabi.api.NodeABISpec.Kvm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.NodeDecision;
import dev.vmabi.fleet.PolicyDecision;
import dev.vmabi.fleet.Verdicts;
import io.fabric8.kubernetes.api.model.LabelSelectorBuilder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What one node's change costs in a pinned pool of 40 profiles with ten VMs on each node; docs/performance.md has results. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 1, jvmArgs = "-XX:+UseSerialGC")
public class FleetBenchmark {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    private static final int PROFILES = 40;
    private static final int VMS_EACH = 10;

    @Param({"500", "5000", "15000"})
    public int nodes;

    private final List<HostProfile> hosts = new ArrayList<>();
    private final Map<Digest, HostProfile> profiles = new HashMap<>();
    private final Map<Digest, GuestAbi> guestAbis = new HashMap<>();
    private final Verdicts verdicts = new Verdicts();
    private Policy policy;
    private Fleet fleet;
    private int turn;

    @Setup
    public void setUp() {
        HostGenerator generator = new HostGenerator(11);
        Set<HostProfile> distinct = new LinkedHashSet<>();
        while (distinct.size() < PROFILES) {
            distinct.add(generator.lowerHost(RecordedHosts.profile("linux-6.18-max")));
        }
        hosts.addAll(distinct);
        hosts.forEach(h -> profiles.put(h.digest(), h));
        VirtualMachineABISpec spec = new VirtualMachineABISpec(
                new LabelSelectorBuilder().addToMatchLabels("pool", "a").build(),
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
        policy = new Policy("a", "uid", 1, NOW, spec, List.of(), null);
        // Until what is decided has been published, proved and labelled, and changes nothing any more.
        for (int round = 0; round < 5; round++) {
            fleet = new Fleet(state(), verdicts);
            PolicyDecision decision = PolicyDecision.decide(fleet, policy, NOW);
            guestAbis.putAll(decision.guestAbis());
            policy = policy.with(decision.status());
        }
        if (policy.status().nodes().accepting() != nodes
                || policy.status().virtualMachines().unknown() != 0) {
            throw new IllegalStateException("the pool is not pinned: " + policy.status());
        }
    }

    private FleetState state() {
        List<Node> all = new ArrayList<>();
        List<Vm> vms = new ArrayList<>();
        List<List<Proof>> proofs = hosts.stream()
                .map(h -> guestAbis.values().stream()
                        .map(g -> new Proof(
                                g.digest().hex(),
                                !(h.accepts(g, Vmm.GENERIC) instanceof Verdict.Refused),
                                0,
                                List.of()))
                        .toList())
                .toList();
        List<Digest> births =
                hosts.stream().map(h -> h.birth(Clamp.NONE).digest()).toList();
        for (int i = 0; i < nodes; i++) {
            int kind = i % PROFILES;
            String name = "node-%05d".formatted(i);
            all.add(node(name, "boot", hosts.get(kind), proofs.get(kind)));
            for (int v = 0; v < VMS_EACH; v++) {
                Digest birth = births.get(kind);
                vms.add(new Vm(
                        "default",
                        "vm-%05d-%d".formatted(i, v),
                        "uid",
                        Map.of("app", "shop"),
                        Map.of(),
                        Optional.of(name),
                        Clamp.NONE,
                        guestAbis.containsKey(birth) ? Optional.of(birth.label()) : Optional.empty(),
                        Optional.empty(),
                        false,
                        Map.of()));
            }
        }
        return new FleetState(List.of(policy), all, profiles, guestAbis, vms, Map.of());
    }

    private static Node node(String name, String boot, HostProfile host, List<Proof> proofs) {
        Set<String> labels = new HashSet<>();
        proofs.stream()
                .filter(Proof::accepted)
                .forEach(p -> labels.add(p.guestABI().substring(0, 16)));
        NodeABISpec report = new NodeABISpec(
                new Kvm(KvmState.Available, null),
                host.digest().hex(),
                "boot",
                "6.18",
                List.of(new Cpu("0x0", 1, null)),
                "bench",
                proofs);
        return new Node(
                name,
                "uid",
                Map.of("pool", "a", "kubernetes.io/hostname", name),
                "arm64",
                true,
                true,
                boot,
                "6.18",
                labels,
                Optional.of(new FleetState.Report(1, report, null)));
    }

    /** A node boots, or reports after its boot, by turns: the fleet is made anew and the node and its policy are decided. */
    @Benchmark
    public Object oneNodesChange() {
        String name = "node-%05d".formatted(turn / 2 % nodes);
        Node node = fleet.state().nodesByName().get(name);
        Node changed = new Node(
                node.name(),
                node.uid(),
                node.labels(),
                node.architecture(),
                node.ready(),
                node.schedulable(),
                turn++ % 2 == 0 ? "next" : "boot",
                node.kernelVersion(),
                node.guestAbiLabels(),
                node.report());
        FleetState before = fleet.state();
        Fleet last = fleet;
        fleet = fleet.next(new FleetState(
                before.policies(),
                before.nodesByName().with(name, changed),
                before.profiles(),
                before.guestAbis(),
                before.vmsByKey(),
                before.namespaces()));
        NodeDecision.concerned(last, fleet).forEach(n -> NodeDecision.decide(fleet, changed, NOW));
        return PolicyDecision.decide(fleet, policy, NOW);
    }

    /** The same fleet made from nothing. */
    @Benchmark
    public Object madeFromNothing() {
        return new Fleet(fleet.state(), verdicts);
    }
}
