package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABISpec.Raise;
import dev.vmabi.api.VirtualMachineABISpec.RaiseStrategy;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Candidate;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.Previous;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.SimulatedCluster.Rules;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** Operators that each break one rule of the pin, to show that the checks can fail. */
enum BrokenRule implements Rules {
    /** A lesser node lowers the pin. */
    LowersThePinForALesserNode(1) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            PolicyDecision right = super.decide(fleet, policy, now);
            VirtualMachineABIStatus status = right.status();
            boolean pinnedBefore = policy.status() != null && policy.status().baseline() != null;
            Optional<GuestAbi> lesser = !pinnedBefore || status.nodes().fenced() == 0
                    ? Optional.empty()
                    : fleet.state().guestAbis().values().stream()
                            .filter(a -> a.features().size()
                                    < status.baseline().features().size())
                            .findFirst();
            return lesser.map(a -> with(
                            right,
                            pin(a.digest(), status.baseline().generation() + 1),
                            status.candidate(),
                            status.previous()))
                    .orElse(right);
        }
    },
    /** A lowering does not ask who would be stranded. */
    LowersWhileItStrands(1) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            PolicyDecision right = super.decide(fleet, policy, now);
            FleetState all = fleet.state();
            PolicyDecision blind = super.decide(
                    new Fleet(
                            new FleetState(
                                    all.policies(),
                                    all.nodes(),
                                    all.profiles(),
                                    all.guestAbis(),
                                    List.of(),
                                    all.namespaces()),
                            fleet.verdicts()),
                    policy,
                    now);
            return blind.status().loweredTo() == null
                            || blind.status().loweredTo().equals(right.status().loweredTo())
                    ? right
                    : blind;
        }
    },
    /** A fence comes down when the policy no longer names it. */
    TakesAFenceDown(1) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            PolicyDecision right = super.decide(fleet, policy, now);
            VirtualMachineABIStatus s = right.status();
            return policy.spec().fences().isEmpty() && !s.fences().isEmpty()
                    ? new PolicyDecision(
                            new VirtualMachineABIStatus(
                                    s.observedGeneration(),
                                    s.conditions(),
                                    s.baseline(),
                                    s.candidate(),
                                    s.previous(),
                                    s.lowering(),
                                    s.loweredTo(),
                                    s.nodes(),
                                    s.fencedNodes(),
                                    s.classes(),
                                    s.holdsDown(),
                                    s.imposition(),
                                    List.of(),
                                    s.virtualMachines(),
                                    s.strandedVMs(),
                                    s.unknownVMs(),
                                    s.history()),
                            right.guestAbis(),
                            right.stamps(),
                            right.events(),
                            right.next())
                    : right;
        }
    },
    /** A candidate is pinned before every node has proved it. */
    RaisesToWhatIsNotProved(2) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            PolicyDecision right = super.decide(fleet, policy, now);
            Candidate candidate = right.status().candidate();
            Pin pin = right.status().baseline();
            boolean early = pin != null
                    && candidate != null
                    && candidate.digest().equals(policy.spec().raise().approve())
                    && candidate.proved() < candidate.needed();
            return early
                    ? with(
                            right,
                            pin(Digest.parse(candidate.digest()), pin.generation() + 1),
                            null,
                            new Previous(
                                    pin.generation(),
                                    pin.digest(),
                                    "",
                                    now.plusSeconds(60).toString()))
                    : right;
        }
    },
    /** The way back is closed at once. */
    ClosesTheWayBack(2) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            PolicyDecision right = super.decide(fleet, policy, now);
            return policy.status() == null || policy.status().previous() == null
                    ? right
                    : with(right, right.status().baseline(), right.status().candidate(), null);
        }
    },
    /** What is approved and proved is not pinned. */
    NeverRaises(2) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            VirtualMachineABISpec s = policy.spec();
            return super.decide(
                    fleet,
                    new Policy(
                            policy.name(),
                            policy.uid(),
                            policy.generation(),
                            policy.created(),
                            new VirtualMachineABISpec(
                                    s.nodeSelector(),
                                    s.workloads(),
                                    s.baseline(),
                                    new Raise(RaiseStrategy.Manual, s.raise().soak(), null),
                                    s.fences(),
                                    s.vmm(),
                                    s.placement(),
                                    s.oneWayMoves(),
                                    s.impose(),
                                    s.enforcement()),
                            policy.unknown(),
                            policy.status()),
                    now);
        }
    },
    /** Nobody calls when a soak or a grace ends. */
    ForgetsToLookAgain(0) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            PolicyDecision right = super.decide(fleet, policy, now);
            return new PolicyDecision(right.status(), right.guestAbis(), right.stamps(), right.events(), Instant.MAX);
        }
    },
    /** A fenced node is told of each time that anybody looks. */
    TellsTheSameAgain(0) {
        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            NodeDecision right = super.decide(fleet, node, now);
            boolean fenced = right.status().stream()
                    .flatMap(s -> s.policies().stream())
                    .anyMatch(v -> v.state() == NodeState.Fenced);
            return fenced
                    ? new NodeDecision(
                            right.labels(),
                            right.profile(),
                            right.status(),
                            List.of(new FleetEvent(FleetEvent.Reason.NodeFenced, "again")))
                    : right;
        }
    },
    /** VMs are stamped with what their host shows now, not with what their guests have. */
    StampsWhatTheHostShows(3) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            PolicyDecision right = super.decide(fleet, policy, now);
            Map<Digest, GuestAbi> abis = new HashMap<>(right.guestAbis());
            Map<Vm, Digest> stamps = new HashMap<>();
            fleet.state().vms().stream()
                    .filter(vm -> fleet.policyFor(vm).equals(Optional.of(policy)))
                    .forEach(vm -> {
                        if (fleet.standing(vm.node().orElseThrow()) instanceof Standing.Fresh fresh) {
                            GuestAbi shown = fresh.profile().defaultGuestAbi();
                            abis.put(shown.digest(), shown);
                            if (!vm.stamp().equals(Optional.of(shown.digest().label()))) {
                                stamps.put(vm, shown.digest());
                            }
                        }
                    });
            return new PolicyDecision(right.status(), abis, stamps, right.events(), right.next());
        }
    },
    /** Only the pin's label is kept, not those of running VMs. */
    ForgetsTheLabelsOfStamps(3) {
        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            Set<String> stamps = fleet.state().vms().stream()
                    .flatMap(v -> v.stamp().stream())
                    .collect(Collectors.toSet());
            return labels(
                    super.decide(fleet, node, now),
                    l -> l.stream().filter(d -> !stamps.contains(d)).collect(Collectors.toSet()));
        }
    },
    /** A report is believed although the node has rebooted since. */
    BelievesReportsOfEarlierBoots(4) {
        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            Fleet believing = changed(
                    fleet,
                    n -> rebooted(n, n.report().map(r -> r.spec().bootID()).orElse(n.bootId())));
            return super.decide(believing, believing.node(node.name()).orElseThrow(), now);
        }
    },
    /** Nodes that are silent are not waited for. */
    PinsAPartlyReportingFleet(5) {
        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            if (policy.status() != null && policy.status().baseline() != null) {
                return super.decide(fleet, policy, now);
            }
            FleetState all = fleet.state();
            List<Node> talking = all.nodes().stream()
                    .filter(n -> fleet.standing(n.name()) instanceof Standing.Fresh
                            || all.vms().stream().anyMatch(v -> v.node().equals(Optional.of(n.name()))))
                    .toList();
            return super.decide(
                    new Fleet(
                            new FleetState(
                                    all.policies(),
                                    talking,
                                    all.profiles(),
                                    all.guestAbis(),
                                    all.vms(),
                                    all.namespaces()),
                            fleet.verdicts()),
                    policy,
                    now);
        }
    },
    /** A cold operator decides before it has read any guest ABI; labels of stamps it would keep by rule 3. */
    DecidesBeforeItHasReadEverything(6) {
        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            Set<String> stamps = fleet.state().vms().stream()
                    .flatMap(v -> v.stamp().stream())
                    .collect(Collectors.toSet());
            return labels(
                    super.decide(fleet, node, now),
                    l -> l.stream().filter(stamps::contains).collect(Collectors.toSet()));
        }
    },
    /** One bad report costs everybody's labels. */
    LetsRubbishHarmOthers(7) {
        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            boolean rubbish =
                    fleet.state().nodes().stream().anyMatch(n -> fleet.standing(n.name()) instanceof Standing.Unusable);
            return labels(super.decide(fleet, node, now), l -> rubbish ? Set.of() : l);
        }
    },
    /** A newer kernel is believed to take whatever an older one does. */
    AssumesThatNewerContainsOlder(8) {
        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            return labels(
                    super.decide(fleet, node, now),
                    l -> node.kernelVersion().startsWith("6.18")
                            ? fleet.state().guestAbis().keySet().stream()
                                    .map(Digest::label)
                                    .collect(Collectors.toSet())
                            : l);
        }
    };

    private final int rule;

    BrokenRule(int rule) {
        this.rule = rule;
    }

    /** The rule that this one breaks. */
    int rule() {
        return rule;
    }

    @Override
    public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
        return PolicyDecision.decide(fleet, policy, now);
    }

    @Override
    public NodeDecision decide(Fleet fleet, Node node, Instant now) {
        return NodeDecision.decide(fleet, node, now);
    }

    private static NodeDecision labels(NodeDecision right, UnaryOperator<Set<String>> change) {
        return new NodeDecision(change.apply(right.labels()), right.profile(), right.status(), right.events());
    }

    private static Pin pin(Digest digest, long generation) {
        return new Pin(generation, digest.hex(), digest.label(), "", List.of(), "2026-01-01T00:00:00Z");
    }

    private static PolicyDecision with(PolicyDecision right, Pin pin, Candidate candidate, Previous previous) {
        VirtualMachineABIStatus s = right.status();
        return new PolicyDecision(
                new VirtualMachineABIStatus(
                        s.observedGeneration(),
                        s.conditions(),
                        pin,
                        candidate,
                        previous,
                        s.lowering(),
                        s.loweredTo(),
                        s.nodes(),
                        s.fencedNodes(),
                        s.classes(),
                        s.holdsDown(),
                        s.imposition(),
                        s.fences(),
                        s.virtualMachines(),
                        s.strandedVMs(),
                        s.unknownVMs(),
                        s.history()),
                right.guestAbis(),
                right.stamps(),
                right.events(),
                right.next());
    }

    private static Fleet changed(Fleet fleet, UnaryOperator<Node> node) {
        FleetState all = fleet.state();
        return new Fleet(
                new FleetState(
                        all.policies(),
                        all.nodes().stream().map(node).toList(),
                        all.profiles(),
                        all.guestAbis(),
                        all.vms(),
                        all.namespaces()),
                fleet.verdicts());
    }

    private static Node rebooted(Node node, String boot) {
        return new Node(
                node.name(),
                node.uid(),
                node.labels(),
                node.architecture(),
                node.ready(),
                node.schedulable(),
                boot,
                node.kernelVersion(),
                node.guestAbiLabels(),
                node.report());
    }
}
