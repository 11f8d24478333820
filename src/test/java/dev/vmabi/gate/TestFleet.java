package dev.vmabi.gate;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RecordedHosts;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Kvm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.Enforcement;
import dev.vmabi.api.VirtualMachineABISpec.Impose;
import dev.vmabi.api.VirtualMachineABISpec.OneWayMoves;
import dev.vmabi.api.VirtualMachineABISpec.Placement;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.NodeDecision;
import dev.vmabi.fleet.Verdicts;
import io.fabric8.kubernetes.api.model.LabelSelectorBuilder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * Fleets of recorded hosts, made by hand. A node has proved whatever its host's kernel takes, and carries the labels
 * that the operator would give it.
 */
final class TestFleet {
    static final Vmm QEMU = Vmm.parse("qemu:10.0");
    static final String N = "linux-6.1-cortex-a76";
    static final String N1 = "linux-6.12-cortex-a76";
    static final String NAMESPACE = "tenant-a";
    private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");

    private final Verdicts verdicts = new Verdicts();
    private final List<FleetState.Policy> policies = new ArrayList<>();
    private final List<FleetState.Node> nodes = new ArrayList<>();
    private final Map<Digest, HostProfile> profiles = new HashMap<>();
    private final Map<Digest, GuestAbi> guestAbis = new HashMap<>();
    private final List<FleetState.Vm> vms = new ArrayList<>();
    private final Map<String, Map<String, String>> namespaces =
            new TreeMap<>(Map.of(NAMESPACE, Map.of("kubernetes.io/metadata.name", NAMESPACE)));

    /** Two nodes at Linux 6.1 and one at 6.12, pinned to the former; vm-old was born there, vm-new on 6.12. */
    static TestFleet rolling() {
        return rolling(UnaryOperator.identity());
    }

    static TestFleet rolling(UnaryOperator<Terms> terms) {
        return new TestFleet()
                .policy("pool-a", "a", N, terms)
                .node("n-1", "a", N)
                .node("n-2", "a", N)
                .node("n1-1", "a", N1)
                .vm("vm-old", "n-1", N)
                .vm("vm-new", "n1-1", N1);
    }

    /** What a policy in a test differs in from the default one. */
    record Terms(OneWayMoves oneWayMoves, Placement placement, Enforcement enforcement, Impose impose, String clamp) {
        static final Terms DEFAULT =
                new Terms(OneWayMoves.Allow, Placement.AvoidIslands, Enforcement.Enforce, Impose.WherePossible, "");

        Terms audit() {
            return new Terms(oneWayMoves, placement, Enforcement.Audit, impose, clamp);
        }

        Terms noOneWayMoves() {
            return new Terms(OneWayMoves.Deny, placement, enforcement, impose, clamp);
        }

        Terms anywhere() {
            return new Terms(oneWayMoves, Placement.Anywhere, enforcement, impose, clamp);
        }

        Terms clamp(String ofPin) {
            return new Terms(oneWayMoves, placement, enforcement, impose, ofPin);
        }

        Terms imposingNothing() {
            return new Terms(oneWayMoves, placement, enforcement, Impose.Never, clamp);
        }
    }

    /** The guest ABI of a VM that booted on the recorded host. */
    static GuestAbi born(String host) {
        return RecordedHosts.profile(host).defaultGuestAbi();
    }

    /** A policy over the nodes labelled {@code pool=<pool>}; pinned to what is born on a host, or to nothing. */
    TestFleet policy(String name, String pool, String pinnedTo, UnaryOperator<Terms> change) {
        Terms terms = change.apply(Terms.DEFAULT);
        VirtualMachineABISpec spec = new VirtualMachineABISpec(
                new LabelSelectorBuilder().addToMatchLabels("pool", pool).build(),
                null,
                null,
                null,
                null,
                null,
                terms.placement(),
                terms.oneWayMoves(),
                terms.impose(),
                terms.enforcement());
        Pin pin = null;
        if (pinnedTo != null) {
            GuestAbi abi = born(pinnedTo);
            guestAbis.put(abi.digest(), abi);
            pin = new Pin(1, abi.digest().hex(), abi.digest().label(), terms.clamp(), List.of(), NOW.toString());
        }
        VirtualMachineABIStatus status = new VirtualMachineABIStatus(
                1L, null, pin, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
        policies.add(new FleetState.Policy(
                name, "uid-" + name, 1, NOW.plusSeconds(policies.size()), spec, List.of(), status));
        return this;
    }

    TestFleet policy(String name, String pool, String pinnedTo) {
        return policy(name, pool, pinnedTo, UnaryOperator.identity());
    }

    /** A Ready node that replays the recorded host. */
    TestFleet node(String name, String pool, String host) {
        return node(name, pool, host, true, true);
    }

    TestFleet node(String name, String pool, String host, boolean ready, boolean schedulable) {
        HostProfile profile = RecordedHosts.profile(host);
        profiles.put(profile.digest(), profile);
        nodes.add(new FleetState.Node(
                name,
                "uid-" + name,
                Map.of(
                        "pool", pool,
                        "kubernetes.io/arch", "arm64",
                        "kubernetes.io/hostname", name,
                        "kubevirt.io/schedulable", "true",
                        "machine-type.node.kubevirt.io/virt-rhel9.6.0", "true"),
                "arm64",
                ready,
                schedulable,
                "boot-1",
                host,
                Set.of(),
                Optional.of(new FleetState.Report(
                        1,
                        new NodeABISpec(
                                new Kvm(KvmState.Available, null),
                                profile.digest().hex(),
                                "boot-1",
                                host,
                                List.of(),
                                "test",
                                List.of()),
                        null))));
        return this;
    }

    /** A node whose agent has not reported. */
    TestFleet silentNode(String name, String pool) {
        nodes.add(new FleetState.Node(
                name,
                "uid-" + name,
                Map.of("pool", pool, "kubernetes.io/arch", "arm64"),
                "arm64",
                true,
                true,
                "boot-1",
                "unknown",
                Set.of(),
                Optional.empty()));
        return this;
    }

    /** A VM that runs on the node, stamped with what is born on a host; with null it has no stamp. */
    TestFleet vm(String name, String node, String bornOn) {
        return vm(name, node, bornOn, false);
    }

    TestFleet vm(String name, String node, String bornOn, boolean moved) {
        Optional<String> stamp = Optional.ofNullable(bornOn).map(h -> {
            GuestAbi abi = born(h);
            guestAbis.put(abi.digest(), abi);
            return abi.digest().label();
        });
        return stampedVm(name, node, stamp, moved);
    }

    TestFleet stampedVm(String name, String node, Optional<String> stamp, boolean moved) {
        return vm(name, node, stamp, moved, Map.of());
    }

    /** A VM whose owner asks something of the nodes it runs on. */
    TestFleet choosyVm(String name, String node, String bornOn, Map<String, String> nodeSelector) {
        return vm(name, node, Optional.of(born(bornOn).digest().label()), false, nodeSelector);
    }

    private TestFleet vm(
            String name, String node, Optional<String> stamp, boolean moved, Map<String, String> nodeSelector) {
        vms.add(new FleetState.Vm(
                NAMESPACE,
                name,
                "uid-" + name,
                stamp.map(s -> Map.of(Names.STAMP, s)).orElse(Map.of()),
                namespaces.get(NAMESPACE),
                Optional.ofNullable(node),
                Clamp.NONE,
                stamp,
                Optional.empty(),
                moved,
                nodeSelector));
        return this;
    }

    /** The fleet after the agents have proved every guest ABI and the operator has labelled every node. */
    Fleet build() {
        List<FleetState.Node> proved = nodes.stream().map(this::proved).toList();
        Fleet unlabelled = fleet(proved);
        return fleet(proved.stream()
                .map(node -> {
                    NodeDecision decision = NodeDecision.decide(unlabelled, node, NOW);
                    Map<String, String> labels = new HashMap<>(node.labels());
                    decision.labels().forEach(l -> labels.put(Names.nodeLabel(l), "true"));
                    decision.profile().ifPresent(p -> labels.put(Names.PROFILE_LABEL, p));
                    return with(node, labels, decision.labels(), node.report());
                })
                .toList());
    }

    private Fleet fleet(List<FleetState.Node> ofNodes) {
        return new Fleet(new FleetState(policies, ofNodes, profiles, guestAbis, vms, namespaces), verdicts);
    }

    private FleetState.Node proved(FleetState.Node node) {
        return with(node, node.labels(), Set.of(), node.report().map(report -> {
            NodeABISpec spec = report.spec();
            HostProfile host = profiles.get(Digest.parse(spec.profile()));
            List<Proof> proofs = guestAbis.values().stream()
                    .map(abi -> new Proof(
                            abi.digest().hex(),
                            verdicts.accepts(host.digest(), host, abi, QEMU, Clamp.NONE)
                                    .accepted(),
                            0,
                            List.of()))
                    .toList();
            return new FleetState.Report(
                    report.generation(),
                    new NodeABISpec(
                            spec.kvm(),
                            spec.profile(),
                            spec.bootID(),
                            spec.kernelRelease(),
                            spec.cpus(),
                            spec.agentVersion(),
                            proofs),
                    report.status());
        }));
    }

    private static FleetState.Node with(
            FleetState.Node node,
            Map<String, String> labels,
            Set<String> guestAbiLabels,
            Optional<FleetState.Report> report) {
        return new FleetState.Node(
                node.name(),
                node.uid(),
                labels,
                node.architecture(),
                node.ready(),
                node.schedulable(),
                node.bootId(),
                node.kernelVersion(),
                guestAbiLabels,
                report);
    }
}
