package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RecordedHosts;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Cpu;
import dev.vmabi.api.NodeABISpec.Kvm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.NodeABISpec.Refused;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Report;
import dev.vmabi.fleet.FleetState.Vm;
import io.fabric8.kubernetes.api.model.Condition;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A cluster in memory: recorded hosts as nodes, agents that prove by what the recorded kernels took, VMs whose guests
 * have what they were born with and landed on, and everything that an operator has written. The operator keeps nothing
 * between two decisions: what it knows is what stands here.
 */
final class SimulatedCluster {
    static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final RegisterId MIDR_EL1 = RegisterId.parse("0x603000000013c000");
    static final Map<String, String> NAMESPACE_LABELS = Map.of("kubernetes.io/metadata.name", "default");

    /** The decisions of an operator; broken ones show that a check can fail. */
    interface Rules {
        PolicyDecision decide(Fleet fleet, Policy policy, Instant now);

        NodeDecision decide(Fleet fleet, Node node, Instant now);
    }

    /** Is told of every decision before it is written. */
    interface Observer {
        void decided(Fleet fleet, Policy policy, PolicyDecision decision);

        void decided(Fleet fleet, Host host, NodeDecision decision);

        /** Everything that is due has been done. */
        void settled();
    }

    static final Rules PRODUCT = new Rules() {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            return PolicyDecision.decide(fleet, policy, now);
        }

        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            return NodeDecision.decide(fleet, node, now);
        }
    };

    /** A node as it truly is, and what the API says of it. */
    static final class Host {
        final String name;
        final Map<String, String> labels;
        HostProfile profile;
        String kernel;
        String boot;

        /** What the operator's watch has told of, which may lag. */
        String kernelSeen;

        String bootSeen;

        boolean ready = true;
        boolean schedulable = true;
        NodeABISpec report;
        long generation;
        NodeABIStatus status;
        boolean lies;

        /** What its kernel refuses, whatever was computed of it. */
        final Set<Digest> refuses = new TreeSet<>();

        Set<String> guestAbiLabels = Set.of();
        Optional<String> profileLabel = Optional.empty();

        Host(String name, Map<String, String> labels) {
            this.name = name;
            this.labels = new HashMap<>(labels);
        }

        Node view() {
            Map<String, String> all = new HashMap<>(labels);
            profileLabel.ifPresent(d -> all.put(Names.PROFILE_LABEL, d));
            guestAbiLabels.forEach(d -> all.put(Names.nodeLabel(d), "true"));
            return new Node(
                    name,
                    "uid-" + name,
                    all,
                    "arm64",
                    ready,
                    schedulable,
                    bootSeen,
                    kernelSeen,
                    guestAbiLabels,
                    report == null ? Optional.empty() : Optional.of(new Report(generation, report, status)));
        }
    }

    /** A VM with what its guest truly has. */
    static final class Guest {
        final String name;
        final Clamp clamp;
        String node;
        GuestAbi has;
        Optional<String> stamp = Optional.empty();
        Optional<String> stampedIn = Optional.empty();
        boolean moved;
        Optional<Vmm> movedBy = Optional.empty();

        Guest(String name, Clamp clamp) {
            this.name = name;
            this.clamp = clamp;
        }

        Vm view() {
            return new Vm(
                    "default",
                    name,
                    "uid-" + name,
                    Map.of(),
                    NAMESPACE_LABELS,
                    Optional.of(node),
                    clamp,
                    stamp,
                    stampedIn,
                    moved,
                    Map.of());
        }
    }

    final SortedMap<String, Host> hosts = new TreeMap<>();
    final SortedMap<String, Policy> policies = new TreeMap<>();
    final SortedMap<String, Guest> guests = new TreeMap<>();
    final Map<Digest, HostProfile> profiles = new TreeMap<>();
    final Map<Digest, GuestAbi> guestAbis = new TreeMap<>();
    final List<FleetEvent> events = new ArrayList<>();
    final Rules rules;
    Instant now = START;
    final Verdicts verdicts;
    int decisions;
    private final Map<Digest, GuestAbi> everDecided = new HashMap<>();
    private Optional<Observer> observer = Optional.empty();
    private int boots;

    SimulatedCluster(Rules rules, Verdicts verdicts) {
        this.rules = rules;
        this.verdicts = verdicts;
    }

    SimulatedCluster() {
        this(PRODUCT, new Verdicts());
    }

    void observe(Observer by) {
        observer = Optional.of(by);
    }

    /** A guest ABI that some decision has named, whether or not it is an object now. */
    GuestAbi known(Digest digest) {
        return everDecided.get(digest);
    }

    /** Whether a stamp or label stands for an object. */
    boolean exists(String label) {
        return guestAbis.keySet().stream().anyMatch(d -> d.label().equals(label));
    }

    static HostProfile recorded(String host) {
        return RecordedHosts.profile("linux-" + host);
    }

    /** A node of a pool, booted into a recorded host such as {@code 6.12-cortex-a76}; no agent has reported yet. */
    Host join(String name, String pool, String host) {
        Host node = new Host(name, Map.of("pool", pool, "kubernetes.io/arch", "arm64"));
        hosts.put(name, node);
        boot(name, host);
        return node;
    }

    /** The node boots; whatever ran on it is gone, and its agent has not reported. */
    void boot(String name, String host) {
        bootUnseen(name, host);
        see(name);
    }

    /** The operator's watch tells of the boot. */
    void see(String name) {
        Host node = hosts.get(name);
        node.kernelSeen = node.kernel;
        node.bootSeen = node.boot;
    }

    /** The node boots, and the operator's watch does not tell of it yet. */
    void bootUnseen(String name, String host) {
        Host node = hosts.get(name);
        node.profile = recorded(host);
        node.kernel = host.substring(0, host.indexOf('-')) + ".0";
        node.boot = "boot-" + ++boots;
        node.lies = false;
        node.refuses.clear();
        guests.values().removeIf(g -> g.node.equals(name));
    }

    void leave(String name) {
        hosts.remove(name);
        guests.values().removeIf(g -> g.node.equals(name));
    }

    /** Its agent reports, and has tried every guest ABI that exists as an object. */
    void report(String name) {
        report(name, guestAbis.keySet());
    }

    void report(String name, Set<Digest> tried) {
        Host node = hosts.get(name);
        profiles.put(node.profile.digest(), node.profile);
        List<Proof> proofs = tried.stream()
                .filter(guestAbis::containsKey)
                .map(d -> node.refuses.contains(d)
                        ? new Proof(d.hex(), false, 0, List.of())
                        : prove(node.profile, guestAbis.get(d)))
                .toList();
        node.lies = false;
        String midr = "0x" + Long.toHexString(node.profile.defaultGuestAbi().value(MIDR_EL1));
        write(
                name,
                new NodeABISpec(
                        new Kvm(KvmState.Available, null),
                        node.profile.digest().hex(),
                        node.boot,
                        "6.0",
                        List.of(new Cpu(midr, 4, null)),
                        "test",
                        proofs));
    }

    static NodeABISpec report(String profile, String boot, KvmState state, List<Proof> proofs) {
        return new NodeABISpec(new Kvm(state, null), profile, boot, "6.0", List.of(), "test", proofs);
    }

    /** What an agent writes, true or not. */
    void write(String name, NodeABISpec report) {
        Host node = hosts.get(name);
        if (!report.equals(node.report)) {
            node.report = report;
            node.generation++;
        }
    }

    /** What the kernel of a host says to the values of a guest ABI; registers it does not list are not tried. */
    Proof prove(HostProfile host, GuestAbi abi) {
        List<Refusal> refusals =
                verdicts.accepts(host.digest(), host, abi, Vmm.GENERIC, Clamp.NONE) instanceof Verdict.Refused refused
                        ? refused.refusals()
                        : List.of();
        List<Refused> values = refusals.stream()
                .filter(r -> !(r instanceof Refusal.RegisterList) && !(r instanceof Refusal.RegisterMissing))
                .limit(8)
                .map(r -> new Refused(r.register(), "EINVAL", r.wanted(), r.offered()))
                .toList();
        return new Proof(abi.digest().hex(), values.isEmpty(), 0, values);
    }

    void apply(String name, PolicySpec spec) {
        apply(name, spec.spec());
    }

    void apply(String name, VirtualMachineABISpec spec) {
        Policy before = policies.get(name);
        policies.put(
                name,
                before == null
                        ? new Policy(name, "uid-" + name, 1, now, spec, List.of(), null)
                        : new Policy(
                                name,
                                before.uid(),
                                before.generation() + 1,
                                before.created(),
                                spec,
                                List.of(),
                                before.status()));
    }

    /** A VM boots on a node under a clamp. */
    Guest start(String name, String node, Clamp clamp) {
        Guest guest = new Guest(name, clamp);
        guest.node = node;
        guest.has = hosts.get(node).profile.birth(clamp);
        guests.put(name, guest);
        return guest;
    }

    /** A VM is moved as the VMM does it. */
    void move(String name, String to, Vmm vmm) {
        Guest guest = guests.get(name);
        HostProfile host = hosts.get(to).profile;
        guest.has = verdicts.landing(host.digest(), host, guest.has, vmm, guest.clamp);
        guest.node = to;
        guest.moved = true;
        guest.movedBy = Optional.of(vmm);
    }

    void pass(Duration time) {
        now = now.plus(time);
    }

    FleetState state() {
        return state(hosts.values().stream().map(Host::view).toList());
    }

    /** The same fleet, to which every kernel's version is the same. */
    Fleet withoutKernelVersions(Fleet fleet) {
        return new Fleet(
                state(fleet.state().nodes().stream()
                        .map(n -> new Node(
                                n.name(),
                                n.uid(),
                                n.labels(),
                                n.architecture(),
                                n.ready(),
                                n.schedulable(),
                                n.bootId(),
                                "",
                                n.guestAbiLabels(),
                                n.report()))
                        .toList()),
                verdicts);
    }

    /** The fleet without the reports that lie, but for that of one node. */
    Fleet withoutLies(Host but) {
        return new Fleet(
                state(hosts.values().stream()
                        .map(h -> h != but && h.lies ? h.view().with(Optional.empty()) : h.view())
                        .toList()),
                verdicts);
    }

    private FleetState state(List<Node> nodes) {
        return new FleetState(
                List.copyOf(policies.values()),
                nodes,
                profiles,
                guestAbis,
                guests.values().stream().map(Guest::view).toList(),
                Map.of("default", NAMESPACE_LABELS));
    }

    Fleet fleet() {
        return new Fleet(state(), verdicts);
    }

    /** The operator looks at a policy and writes what it decides. Returns how much it wrote. */
    int reconcile(String policy) {
        Policy before = policies.get(policy);
        PolicyDecision decision = decide(before);
        int writes = publish(decision);
        for (Map.Entry<Vm, Digest> stamp : decision.stamps().entrySet()) {
            stamp(stamp.getKey(), stamp.getValue());
            writes++;
        }
        events.addAll(decision.events());
        return writes + writeStatus(policy, decision.status());
    }

    private PolicyDecision decide(Policy policy) {
        Fleet fleet = fleet();
        PolicyDecision decision = rules.decide(fleet, policy, now);
        decisions++;
        everDecided.putAll(decision.guestAbis());
        observer.ifPresent(o -> o.decided(fleet, policy, decision));
        return decision;
    }

    /** The operator looks at a policy, and is killed between its writes: the status is not written. */
    void reconcileAndDie(String policy, int afterStamps) {
        PolicyDecision decision = decide(policies.get(policy));
        publish(decision);
        decision.stamps().entrySet().stream().limit(afterStamps).forEach(s -> stamp(s.getKey(), s.getValue()));
    }

    private void stamp(Vm vm, Digest guestAbi) {
        Guest guest = guests.get(vm.name());
        guest.stamp = Optional.of(guestAbi.label());
        guest.stampedIn = Optional.of(hosts.get(vm.node().orElseThrow()).bootSeen);
    }

    private int publish(PolicyDecision decision) {
        int writes = 0;
        for (Map.Entry<Digest, GuestAbi> abi : decision.guestAbis().entrySet()) {
            writes += guestAbis.put(abi.getKey(), abi.getValue()) == null ? 1 : 0;
        }
        return writes;
    }

    private int writeStatus(String policy, VirtualMachineABIStatus status) {
        Policy before = policies.get(policy);
        if (status.equals(before.status())) {
            return 0;
        }
        policies.put(policy, before.with(status));
        return 1;
    }

    /** The operator looks at a node and writes what it decides. Returns how much it wrote. */
    int reconcileNode(String name) {
        Host node = hosts.get(name);
        Fleet fleet = fleet();
        NodeDecision decision = rules.decide(fleet, fleet.node(name).orElseThrow(), now);
        decisions++;
        observer.ifPresent(o -> o.decided(fleet, node, decision));
        int writes = 0;
        if (!decision.labels().equals(node.guestAbiLabels)
                || !decision.profile().equals(node.profileLabel)) {
            node.guestAbiLabels = new TreeSet<>(decision.labels());
            node.profileLabel = decision.profile();
            writes++;
        }
        if (decision.status().isPresent() && !decision.status().get().equals(node.status)) {
            node.status = decision.status().get();
            writes++;
        }
        events.addAll(decision.events());
        return writes;
    }

    /** The operator looks at everything once. Returns how much it wrote. */
    int reconcileAll() {
        return List.copyOf(policies.keySet()).stream().mapToInt(this::reconcile).sum()
                + hosts.keySet().stream().mapToInt(this::reconcileNode).sum();
    }

    /** Agents of reporting nodes prove what there is, and the operator decides, until nothing changes any more. */
    void settle() {
        hosts.keySet().forEach(this::see);
        for (int round = 0; round < 20; round++) {
            hosts.values().stream()
                    .filter(h -> h.report != null && h.boot.equals(h.report.bootID()))
                    .filter(h -> !h.lies && h.profile.digest().hex().equals(h.report.profile()))
                    .forEach(h -> report(h.name));
            if (reconcileAll() == 0) {
                observer.ifPresent(Observer::settled);
                return;
            }
        }
        throw new Invariants.Violation(0, "decisions do not come to rest");
    }

    /** All nodes report, and everything settles. */
    SimulatedCluster reported() {
        hosts.keySet().forEach(this::report);
        settle();
        return this;
    }

    VirtualMachineABIStatus status(String policy) {
        return policies.get(policy).status();
    }

    /** {@code True Reason: message} of a condition. */
    String condition(String policy, String type) {
        return text(status(policy).conditions(), type);
    }

    String nodeCondition(String node, String type) {
        return text(hosts.get(node).status.conditions(), type);
    }

    private static String text(List<Condition> conditions, String type) {
        return conditions.stream()
                .filter(c -> c.getType().equals(type))
                .map(c -> c.getStatus() + " " + c.getReason() + ": " + c.getMessage())
                .findFirst()
                .orElse("absent");
    }

    List<FleetEvent.Reason> eventReasons() {
        return events.stream().map(FleetEvent::reason).toList();
    }
}
