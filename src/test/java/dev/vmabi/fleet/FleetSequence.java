package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.Invariants.Violation;
import dev.vmabi.fleet.SimulatedCluster.Guest;
import dev.vmabi.fleet.SimulatedCluster.Host;
import dev.vmabi.fleet.SimulatedCluster.Rules;
import io.fabric8.kubernetes.api.model.LabelSelectorBuilder;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Random things that happen to a small fleet, each followed by every check of {@link Invariants}. */
record FleetSequence(List<Step> steps) {
    static final List<String> HOSTS = List.of(
            "6.1-cortex-a76",
            "6.12-cortex-a76",
            "6.18-cortex-a76",
            "6.1-cortex-a57",
            "6.12-cortex-a57",
            "6.18-cortex-a57");

    static final String QEMU_LABEL = Names.VMM_LABEL_PREFIX + "qemu";
    private static final int LENGTH = 40;
    private static final Vmm QEMU = Vmm.parse("qemu:11.1");

    /** What can happen. */
    enum Kind {
        Join,
        Leave,
        Reboot,
        RebootUnseen,
        See,
        Report,
        ReportWithoutProof,
        ProveOne,
        Lie,
        Refuse,
        Cordon,
        Ready,
        Start,
        Move,
        Stop,
        Apply,
        Approve,
        GoBack,
        Lower,
        Equip,
        Delete,
        Pass,
        ReconcilePolicy,
        ReconcileNode,
        KillOperator,
        CollectUnused,
        Settle
    }

    /** One thing that happens: to whom, and which of several. */
    record Step(Kind kind, int whom, int which) {
        @Override
        public String toString() {
            return kind + "(" + whom + ", " + which + ")";
        }
    }

    private static final Kind[] OFTEN = {
        Kind.Join,
        Kind.Reboot,
        Kind.RebootUnseen,
        Kind.Report,
        Kind.Report,
        Kind.Start,
        Kind.Move,
        Kind.Apply,
        Kind.Approve,
        Kind.GoBack,
        Kind.Lower,
        Kind.Pass,
        Kind.ReconcilePolicy,
        Kind.ReconcilePolicy,
        Kind.ReconcileNode,
        Kind.ReconcileNode,
        Kind.Settle,
        Kind.Settle
    };

    /** How a pool comes to its first pin; random sequences start somewhere on this way. */
    private static final List<Step> PINNED = List.of(
            new Step(Kind.Join, 0, 0),
            new Step(Kind.Join, 1, 1),
            new Step(Kind.Join, 2, 2),
            new Step(Kind.Apply, 0, 0),
            new Step(Kind.Report, 0, 0),
            new Step(Kind.Report, 1, 0),
            new Step(Kind.Report, 2, 0),
            new Step(Kind.Settle, 0, 0));

    /** How it goes on to a raise, and to its end. */
    private static final List<Step> RAISED = List.of(
            new Step(Kind.Start, 0, 0),
            new Step(Kind.Start, 1, 1),
            new Step(Kind.Settle, 0, 0),
            new Step(Kind.Move, 2, 0),
            new Step(Kind.Reboot, 0, 1),
            new Step(Kind.Report, 0, 0),
            new Step(Kind.Settle, 0, 0),
            new Step(Kind.Approve, 0, 0),
            new Step(Kind.Settle, 0, 0),
            new Step(Kind.Pass, 0, 9),
            new Step(Kind.Settle, 0, 0));

    /** How a lesser node comes to a pool, a VM loses all nodes but its own, and the baseline is to be lowered. */
    private static final List<Step> LOWERED = List.of(
            new Step(Kind.Join, 0, 1),
            new Step(Kind.Join, 1, 1),
            new Step(Kind.Apply, 0, 0),
            new Step(Kind.Report, 0, 0),
            new Step(Kind.Report, 1, 0),
            new Step(Kind.Settle, 0, 0),
            new Step(Kind.Join, 2, 0),
            new Step(Kind.Report, 2, 0),
            new Step(Kind.Start, 0, 0),
            new Step(Kind.Settle, 0, 0),
            new Step(Kind.Leave, 1, 0),
            new Step(Kind.Settle, 0, 0),
            new Step(Kind.Lower, 0, 0),
            new Step(Kind.Settle, 0, 0));

    /** How a VM is seen before it is seen that its node has booted. */
    private static final List<Step> EARLY = List.of(
            new Step(Kind.RebootUnseen, 0, 2),
            new Step(Kind.Start, 0, 0),
            new Step(Kind.ReconcilePolicy, 0, 0),
            new Step(Kind.See, 0, 0),
            new Step(Kind.Report, 0, 0),
            new Step(Kind.Settle, 0, 0));

    /** Hosts of unlike CPUs have nothing in common. */
    private static final List<Step> UNLIKE = List.of(
            new Step(Kind.Join, 0, 0),
            new Step(Kind.Join, 1, 11),
            new Step(Kind.Apply, 0, 0),
            new Step(Kind.Report, 0, 0),
            new Step(Kind.Report, 1, 0),
            new Step(Kind.Settle, 0, 0));

    static FleetSequence random(long seed) {
        Random random = new Random(seed);
        List<Step> steps = new ArrayList<>();
        switch (random.nextInt(6)) {
            case 0 -> steps.addAll(PINNED.subList(0, random.nextInt(PINNED.size())));
            case 1 -> steps.addAll(LOWERED.subList(0, random.nextInt(LOWERED.size() + 1)));
            case 2 -> steps.addAll(UNLIKE.subList(0, random.nextInt(UNLIKE.size() + 1)));
            case 3 -> {
                steps.addAll(PINNED);
                steps.addAll(EARLY.subList(0, random.nextInt(EARLY.size() + 1)));
            }
            default -> {
                steps.addAll(PINNED);
                steps.addAll(RAISED.subList(0, random.nextInt(RAISED.size() + 1)));
            }
        }
        while (steps.size() < LENGTH) {
            Kind[] from = random.nextInt(3) == 0 ? Kind.values() : OFTEN;
            steps.add(new Step(from[random.nextInt(from.length)], random.nextInt(4), random.nextInt(12)));
        }
        return new FleetSequence(List.copyOf(steps));
    }

    /** Lets it all happen; the violation that ended it, if any. */
    Optional<Violation> run(Rules rules, Verdicts verdicts) {
        SimulatedCluster cluster = new SimulatedCluster(rules, verdicts);
        cluster.observe(new Invariants(cluster));
        try {
            steps.forEach(step -> happen(cluster, step));
            cluster.settle();
            return Optional.empty();
        } catch (Violation violation) {
            return Optional.of(violation);
        } catch (RuntimeException e) {
            Violation violation = new Violation(7, "a decision threw " + e + " at " + e.getStackTrace()[0]);
            violation.initCause(e);
            return Optional.of(violation);
        }
    }

    /** The shortest sequence found, by leaving steps out, in which the same rule is still broken. */
    FleetSequence shrunk(Rules rules, Verdicts verdicts, int rule) {
        List<Step> left = new ArrayList<>(steps);
        for (int chunk = left.size() / 2; chunk > 0; chunk /= 2) {
            for (int at = 0; at + chunk <= left.size(); ) {
                List<Step> fewer = new ArrayList<>(left);
                fewer.subList(at, at + chunk).clear();
                if (new FleetSequence(fewer)
                        .run(rules, verdicts)
                        .filter(v -> v.rule == rule)
                        .isPresent()) {
                    left = fewer;
                } else {
                    at++;
                }
            }
        }
        return new FleetSequence(left);
    }

    @Override
    public String toString() {
        return steps.stream().map(Step::toString).collect(Collectors.joining("\n  ", "  ", ""));
    }

    private static void happen(SimulatedCluster cluster, Step step) {
        String name = "n" + step.whom();
        Host host = cluster.hosts.get(name);
        String policy = step.whom() % 4 == 3 ? "young" : "old";
        boolean applied = cluster.policies.containsKey(policy);
        switch (step.kind()) {
            case Join -> {
                if (host == null) {
                    cluster.join(name, step.whom() == 3 ? "b" : "a", recorded(step));
                }
            }
            case Apply -> cluster.apply(policy, spec(policy, step.which()));
            case Approve ->
                candidate(cluster, policy)
                        .ifPresent(d -> cluster.apply(policy, spec(policy, 0).approve(d)));
            case GoBack ->
                previous(cluster, policy)
                        .ifPresent(d -> cluster.apply(policy, spec(policy, 0).approve(d)));
            case Lower ->
                status(cluster, policy)
                        .map(VirtualMachineABIStatus::lowering)
                        .ifPresent(l -> cluster.apply(policy, spec(policy, 0).lowerTo(l.digest())));
            case Delete -> cluster.policies.remove(policy);
            case Pass -> cluster.pass(Duration.ofMinutes(step.which() * 7L));
            case ReconcilePolicy -> {
                if (applied) {
                    cluster.reconcile(policy);
                }
            }
            case KillOperator -> {
                if (applied) {
                    cluster.reconcileAndDie(policy, step.which() % 3);
                }
            }
            case CollectUnused -> collect(cluster);
            case Settle -> cluster.settle();
            case Start -> {
                if (host != null && !cluster.guests.containsKey("vm" + step.which() % 4)) {
                    cluster.start("vm" + step.which() % 4, name, clamp(step.which()));
                }
            }
            case Stop -> cluster.guests.remove("vm" + step.which() % 4);
            case Move -> move(cluster, "vm" + step.which() % 4, host);
            case Leave,
                    Reboot,
                    RebootUnseen,
                    See,
                    Report,
                    ReportWithoutProof,
                    ProveOne,
                    Lie,
                    Refuse,
                    Cordon,
                    Ready,
                    Equip,
                    ReconcileNode -> {
                if (host != null) {
                    happenTo(cluster, host, step);
                }
            }
        }
    }

    private static void happenTo(SimulatedCluster cluster, Host host, Step step) {
        switch (step.kind()) {
            case Leave -> cluster.leave(host.name);
            case Reboot -> cluster.boot(host.name, recorded(step));
            case RebootUnseen -> cluster.bootUnseen(host.name, recorded(step));
            case See -> cluster.see(host.name);
            case Report -> cluster.report(host.name);
            case ReportWithoutProof -> cluster.report(host.name, Set.of());
            case ProveOne -> oneOf(cluster, step).ifPresent(d -> cluster.report(host.name, Set.of(d)));
            case Refuse -> oneOf(cluster, step).ifPresent(host.refuses::add);
            case Lie -> {
                host.lies = true;
                cluster.write(host.name, lie(host, step.which()));
            }
            case Cordon -> host.schedulable = step.which() % 2 == 0;
            case Ready -> host.ready = step.which() % 2 == 0;
            case Equip -> {
                if (step.which() % 3 == 0) {
                    host.labels.remove(QEMU_LABEL);
                } else {
                    host.labels.put(QEMU_LABEL, step.which() % 3 == 1 ? "10.1" : "11.1");
                }
            }
            case ReconcileNode -> cluster.reconcileNode(host.name);
            default -> throw new IllegalStateException(step.toString());
        }
    }

    private static Optional<Digest> oneOf(SimulatedCluster cluster, Step step) {
        return cluster.guestAbis.keySet().stream()
                .skip(step.which() % Math.max(1, cluster.guestAbis.size()))
                .findFirst();
    }

    /** Mostly hosts of one CPU, so that pools have something in common. */
    private static String recorded(Step step) {
        return HOSTS.get(step.which() < 11 ? step.which() % 3 : 4);
    }

    private static PolicySpec spec(String policy, int which) {
        PolicySpec spec = PolicySpec.of("a");
        if (policy.equals("young")) {
            spec = spec.nodes(new LabelSelectorBuilder()
                    .addToMatchExpressions(new LabelSelectorRequirement("pool", "In", List.of("a", "b")))
                    .build());
        }
        return switch (which) {
            case 1, 2 -> spec.automatic("30m");
            case 3 -> spec.require("FEAT_Debugv8p2");
            case 4 -> spec.exclude("vendorHyp.PTP");
            case 5 -> spec.fence(Surface.WritableIDRegisters, FenceRaise.WhenCrossed);
            case 6 -> spec.fence(Surface.WritableIDRegisters, FenceRaise.Now);
            case 7 ->
                spec.profile(
                        SimulatedCluster.recorded("6.12-cortex-a76").digest().hex());
            case 8 -> spec.require("FEAT_NoSuch").exclude("rubbish");
            case 9 -> spec.vmm("10.0");
            case 10 -> spec.fence(Surface.SecondVendorBitmap, FenceRaise.Never);
            case 11 -> spec.fence("11.1", FenceRaise.WhenCrossed);
            default -> spec;
        };
    }

    private static Clamp clamp(int which) {
        return switch (which % 3) {
            case 0 -> Clamp.NONE;
            case 1 -> Clamp.NONE.withPsci(0x10001);
            default -> Clamp.NONE.withPsci(0x10001).withoutPmu();
        };
    }

    private static NodeABISpec lie(Host host, int which) {
        String profile = host.profile.digest().hex();
        return switch (which % 7) {
            case 0 -> SimulatedCluster.report("f".repeat(64), host.boot, KvmState.Available, List.of());
            case 1 -> SimulatedCluster.report("rubbish", host.boot, KvmState.Available, List.of());
            case 2 -> SimulatedCluster.report(null, host.boot, KvmState.Available, List.of());
            case 3 -> SimulatedCluster.report(profile, "no-boot", KvmState.Available, List.of());
            case 4 ->
                SimulatedCluster.report(
                        profile, host.boot, KvmState.Available, List.of(new Proof("rubbish", true, 0, List.of())));
            case 5 -> new NodeABISpec(null, null, null, null, null, null, null);
            default ->
                SimulatedCluster.report(
                        profile, host.boot, KvmState.ProbeFailed, List.of(new Proof(null, true, -1, null)));
        };
    }

    private static Optional<String> candidate(SimulatedCluster cluster, String policy) {
        return status(cluster, policy).map(VirtualMachineABIStatus::candidate).map(c -> c.digest());
    }

    private static Optional<String> previous(SimulatedCluster cluster, String policy) {
        return status(cluster, policy).map(VirtualMachineABIStatus::previous).map(p -> p.digest());
    }

    private static Optional<VirtualMachineABIStatus> status(SimulatedCluster cluster, String policy) {
        return Optional.ofNullable(cluster.policies.get(policy)).map(p -> p.status());
    }

    /** A VM moves where the scheduler may put it: its stamp is what its guest has, and the node carries its label. */
    private static void move(SimulatedCluster cluster, String vm, Host to) {
        Guest guest = cluster.guests.get(vm);
        if (guest == null || to == null || guest.node.equals(to.name)) {
            return;
        }
        boolean stamped = guest.stamp.equals(Optional.of(guest.has.digest().label()));
        boolean honoured = to.profile.accepts(guest.has, QEMU, guest.clamp) instanceof Verdict.Accepted
                || to.profile.accepts(guest.has, QEMU, guest.clamp) instanceof Verdict.OneWay;
        if (stamped && honoured && to.guestAbiLabels.contains(guest.stamp.get())) {
            cluster.move(vm, to.name, QEMU);
        }
    }

    /** What nobody refers to is deleted, as after its grace time. */
    private static void collect(SimulatedCluster cluster) {
        Set<String> used = Stream.concat(
                        cluster.policies.values().stream()
                                .flatMap(p -> Stream.ofNullable(p.status()))
                                .flatMap(s -> Stream.of(
                                                Stream.ofNullable(s.baseline()).map(b -> b.digest()),
                                                Stream.ofNullable(s.candidate()).map(c -> c.digest()),
                                                Stream.ofNullable(s.lowering()).map(l -> l.digest()),
                                                Stream.ofNullable(s.previous()).map(p -> p.digest()))
                                        .flatMap(d -> d))
                                .map(d -> d.substring(0, 16)),
                        cluster.guests.values().stream().flatMap(g -> g.stamp.stream()))
                .collect(Collectors.toSet());
        List<Digest> unused = cluster.guestAbis.keySet().stream()
                .filter(d -> !used.contains(d.label()))
                .toList();
        unused.forEach(cluster.guestAbis::remove);
    }
}
