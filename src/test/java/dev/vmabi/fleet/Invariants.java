package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABISpec.RaiseStrategy;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.Previous;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.SimulatedCluster.Guest;
import dev.vmabi.fleet.SimulatedCluster.Host;
import io.fabric8.kubernetes.api.model.Condition;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * The rules of the pin (architecture, section 6), checked on every decision against how the cluster truly is. Nothing
 * here asks the product whether a node has proved something or why a pin changes.
 */
final class Invariants implements SimulatedCluster.Observer {

    /** A rule that did not hold. */
    static final class Violation extends AssertionError {
        private static final long serialVersionUID = 1L;

        final int rule;

        Violation(int rule, String text) {
            super("rule " + rule + ": " + text);
            this.rule = rule;
        }
    }

    private static final VirtualMachineABIStatus NOTHING = new VirtualMachineABIStatus(
            0L, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);

    private static final Map<String, String> KERNELS = FleetSequence.HOSTS.stream()
            .collect(Collectors.toMap(
                    h -> SimulatedCluster.recorded(h).digest().hex(), h -> h.substring(0, h.indexOf('-'))));

    private final SimulatedCluster cluster;
    private final Steadiness steadiness;

    Invariants(SimulatedCluster cluster) {
        this.cluster = cluster;
        this.steadiness = new Steadiness(cluster);
    }

    @Override
    public void decided(Fleet fleet, Policy policy, PolicyDecision decision) {
        VirtualMachineABIStatus before = policy.status() == null ? NOTHING : policy.status();
        VirtualMachineABIStatus after = decision.status();
        newerIsNotAssumedToContainOlder(fleet, policy, decision);
        if (before.baseline() == null && after.baseline() != null) {
            firstPin(policy, after);
        } else if (before.baseline() != null) {
            laterPin(policy, before, after);
        }
        wayBack(policy, before, after);
        for (Map.Entry<Vm, Digest> stamp : decision.stamps().entrySet()) {
            stampIsTrue(policy, stamp.getKey(), stamp.getValue());
        }
        everyKnownVmIsStamped(fleet, policy, decision);
        if (after.baseline() != null) {
            pendingRestart(fleet, policy, decision);
        }
        statusIsWellFormed(policy, before, after);
        fencesAreOneWay(before, after);
        everyVmInScopeIsCounted(fleet, policy, after);
        steadiness.decided(fleet, policy, decision);
    }

    @Override
    public void settled() {
        steadiness.settled();
    }

    @Override
    public void decided(Fleet fleet, Host host, NodeDecision decision) {
        Set<String> earned = new TreeSet<>();
        Optional<Policy> holder = fleet.pools().selecting(host.name).stream().findFirst();
        boolean barred = holder.map(p -> barred(p, host)).orElse(false);
        Vmm vmm = holder.map(p -> cluster.verdicts.terms(p.spec()).vmm()).orElse(Vmm.GENERIC);
        for (GuestAbi abi : cluster.guestAbis.values()) {
            if (!barred && proved(host, abi, vmm)) {
                earned.add(abi.digest().label());
            }
        }
        steadiness.decided(host, decision);
        kernelVersionsDoNotCount(fleet, host, decision);
        rubbishOfOthersDoesNotCount(host, decision);
        Set<String> unearned = minus(decision.labels(), earned);
        ensure(
                unearned.isEmpty(),
                4,
                () -> host.name + " gets labels it has not proved since its last boot: " + unearned);
        ensure(
                decision.profile().isEmpty()
                        || (fresh(host)
                                && host.report
                                        .profile()
                                        .startsWith(decision.profile().get())),
                4,
                () -> host.name + " gets a profile label that its present boot has not reported");
        Set<String> missing = minus(earned, decision.labels());
        Set<String> ofVms = new TreeSet<>();
        cluster.guests.values().forEach(g -> g.stamp.ifPresent(ofVms::add));
        ensure(
                missing.stream().noneMatch(ofVms::contains),
                3,
                () -> host.name + " has proved " + missing + ", a VM carries one of them, and it gets no label");
        ensure(missing.isEmpty(), 6, () -> host.name + " loses or lacks labels it has earned: " + missing);
    }

    private void firstPin(Policy policy, VirtualMachineABIStatus after) {
        List<Host> pool = pool(policy);
        List<Host> silent = pool.stream().filter(h -> h.ready && !fresh(h)).toList();
        ensure(pool.stream().anyMatch(this::fresh), 5, () -> policy.name() + " is pinned although no node reports");
        if (!silent.isEmpty()) {
            Instant graceEnds = policy.created().plus(Duration.ofMinutes(10));
            ensure(
                    !cluster.now.isBefore(graceEnds),
                    5,
                    () -> policy.name() + " is pinned although " + silent.getFirst().name
                            + " has not reported and the grace has not passed");
            ensure(
                    after.history().getFirst().why().contains(silent.getFirst().name),
                    5,
                    () -> policy.name() + " is pinned after the grace without saying that " + silent.getFirst().name
                            + " is missing");
        }
        boolean ofProfile = cluster.verdicts.terms(policy.spec()).profile().isPresent();
        GuestAbi pin = guestAbi(after.baseline().digest());
        for (Host host : pool) {
            boolean refused = ofProfile && tried(host, pin) && !proved(host, pin, vmm(policy));
            ensure(
                    !fresh(host) || fencedWithoutPin(policy, after, host) || refused || proved(host, pin, vmm(policy)),
                    2,
                    () -> policy.name() + " is pinned to what " + host.name + " has not proved");
        }
        ensure(
                after.baseline().generation() == 1,
                2,
                () -> "a first pin has generation " + after.baseline().generation());
    }

    private void laterPin(Policy policy, VirtualMachineABIStatus before, VirtualMachineABIStatus after) {
        Pin old = before.baseline();
        Pin pin = after.baseline();
        ensure(pin != null, 1, () -> policy.name() + " lost its pin");
        if (pin.digest().equals(old.digest())) {
            ensure(pin.equals(old), 1, () -> policy.name() + ": a pin changed without a change of digest");
            return;
        }
        boolean approved = pin.digest().equals(policy.spec().raise().approve());
        boolean soaked = policy.spec().raise().strategy() == RaiseStrategy.Automatic
                && before.candidate() != null
                && before.candidate().digest().equals(pin.digest())
                && before.candidate().provedAt() != null
                && !cluster.now.isBefore(Instant.parse(before.candidate().provedAt())
                        .plus(cluster.verdicts.terms(policy.spec()).soak()));
        boolean lowered = lowered(policy, before, after);
        ensure(
                approved || soaked || lowered,
                1,
                () -> policy.name() + " went from " + old.label() + " to " + pin.label()
                        + " with neither approval, soak nor lowerTo");
        nobodyIsStranded(policy, guestAbi(old.digest()), guestAbi(pin.digest()));
        ensure(
                pin.generation() == old.generation() + 1,
                2,
                () -> policy.name() + ": generation " + pin.generation() + " follows " + old.generation());
        boolean back = before.previous() != null
                && before.previous().digest().equals(pin.digest())
                && after.previous() == null;
        if (back) {
            return;
        }
        GuestAbi to = guestAbi(pin.digest());
        for (Host host : pool(policy)) {
            boolean out = lowered
                    ? fencedWithoutPin(policy, after, host)
                    : fenced(policy, after, host, guestAbi(old.digest()));
            ensure(
                    out || proved(host, to, vmm(policy)),
                    2,
                    () -> policy.name() + " goes to what " + host.name + " has not proved");
        }
        if (lowered) {
            return;
        }
        ensure(
                after.previous() != null && after.previous().digest().equals(old.digest()),
                2,
                () -> policy.name() + " is raised without a way back");
    }

    private static boolean lowered(Policy policy, VirtualMachineABIStatus before, VirtualMachineABIStatus after) {
        String lowerTo = policy.spec().baseline().lowerTo();
        return after.baseline().digest().equals(lowerTo) && !lowerTo.equals(before.loweredTo());
    }

    /** Where guests get less, each that has more has a node beside its own. */
    private void nobodyIsStranded(Policy policy, GuestAbi from, GuestAbi to) {
        if (to.features().containsAll(from.features())) {
            return;
        }
        for (Guest guest : cluster.guests.values()) {
            boolean stamped = guest.stamp.equals(Optional.of(guest.has.digest().label()));
            boolean spoken = cluster.fleet()
                    .policyFor(guest.view())
                    .filter(p -> p.name().equals(policy.name()))
                    .isPresent();
            if (stamped
                    && spoken
                    && cluster.exists(guest.stamp.get())
                    && movedAsThePolicySays(policy, guest)
                    && !to.features().containsAll(guest.has.features())) {
                ensure(
                        cluster.hosts.values().stream()
                                .anyMatch(h -> !h.name.equals(guest.node) && takes(policy, h, guest.has)),
                        1,
                        () -> policy.name() + " is lowered to " + to.digest().label() + ", and " + guest.name
                                + " has no node but " + guest.node);
            }
        }
    }

    private boolean takes(Policy policy, Host host, GuestAbi abi) {
        return fresh(host)
                && (tried(host, abi)
                        ? proved(host, abi, vmm(policy))
                        : !(cluster.verdicts.accepts(
                                        Digest.parse(host.report.profile()),
                                        cluster.profiles.get(Digest.parse(host.report.profile())),
                                        abi,
                                        vmm(policy),
                                        clamp(abi))
                                instanceof Verdict.Refused));
    }

    private void wayBack(Policy policy, VirtualMachineABIStatus before, VirtualMachineABIStatus after) {
        Previous previous = before.previous();
        if (previous == null || previous.equals(after.previous())) {
            return;
        }
        boolean due = !cluster.now.isBefore(Instant.parse(previous.finalisedAt()));
        boolean taken = after.baseline().digest().equals(previous.digest());
        boolean replaced = after.previous() != null
                && after.previous().digest().equals(before.baseline().digest());
        ensure(
                due || taken || replaced || lowered(policy, before, after),
                2,
                () -> "the way back to " + previous.generation() + " was closed before its time");
    }

    private void stampIsTrue(Policy policy, Vm vm, Digest stamp) {
        Guest guest = cluster.guests.get(vm.name());
        Host host = cluster.hosts.get(guest.node);
        if (truthful(host) && movedAsThePolicySays(policy, guest)) {
            ensure(
                    guest.has.digest().equals(stamp),
                    3,
                    () -> vm.name() + " on " + host.name + " is stamped " + stamp.label() + ", its guest has "
                            + guest.has.digest().label());
        }
    }

    private void everyKnownVmIsStamped(Fleet fleet, Policy policy, PolicyDecision decision) {
        for (Guest guest : cluster.guests.values()) {
            Vm vm = guest.view();
            boolean spoken = fleet.policyFor(vm)
                    .filter(p -> p.name().equals(policy.name()))
                    .isPresent();
            boolean known = guest.stamp.isPresent() ? cluster.exists(guest.stamp.get()) : !guest.moved;
            if (spoken && known && truthful(cluster.hosts.get(guest.node)) && movedAsThePolicySays(policy, guest)) {
                String has = guest.has.digest().label();
                Digest stamped = decision.stamps().get(vm);
                String after = stamped == null ? guest.stamp.orElse("nothing") : stamped.label();
                ensure(after.equals(has), 3, () -> guest.name + " has " + has + " and is stamped " + after);
            }
        }
    }

    /** Whether the last move was made by the VMM that the policy names now; if not, nobody can know what it did. */
    private boolean movedAsThePolicySays(Policy policy, Guest guest) {
        return guest.movedBy.isEmpty() || guest.movedBy.get().equals(vmm(policy));
    }

    private void everyVmInScopeIsCounted(Fleet fleet, Policy policy, VirtualMachineABIStatus after) {
        long inScope = cluster.guests.values().stream()
                .filter(g -> fleet.pool(policy).stream().anyMatch(n -> n.name().equals(g.node)))
                .count();
        ensure(
                after.virtualMachines().total() == inScope,
                3,
                () -> policy.name() + " counts " + after.virtualMachines().total() + " VMs, its nodes run " + inScope);
    }

    private void pendingRestart(Fleet fleet, Policy policy, PolicyDecision decision) {
        Pin pin = decision.status().baseline();
        long below = cluster.guests.values().stream()
                .map(Guest::view)
                .filter(vm -> fleet.policyFor(vm)
                        .filter(p -> p.name().equals(policy.name()))
                        .isPresent())
                .flatMap(vm -> Optional.ofNullable(decision.stamps().get(vm)).map(Digest::label).or(vm::stamp).stream())
                .flatMap(label -> decided(decision, label).stream())
                .filter(abi -> !abi.digest().hex().equals(pin.digest()))
                .filter(abi -> !abi.features().containsAll(pin.features()))
                .count();
        ensure(
                decision.status().virtualMachines().pendingRestart() == below,
                3,
                () -> policy.name() + " counts "
                        + decision.status().virtualMachines().pendingRestart() + " VMs below the pin, there are "
                        + below);
    }

    private Optional<GuestAbi> decided(PolicyDecision decision, String label) {
        return decision.guestAbis().values().stream()
                .filter(a -> a.digest().label().equals(label))
                .findFirst();
    }

    private void newerIsNotAssumedToContainOlder(Fleet fleet, Policy policy, PolicyDecision decision) {
        PolicyDecision blind = cluster.rules.decide(cluster.withoutKernelVersions(fleet), policy, cluster.now);
        ensure(
                Objects.equals(blind.status().baseline(), decision.status().baseline())
                        && Objects.equals(
                                blind.status().candidate(), decision.status().candidate())
                        && blind.status().nodes().equals(decision.status().nodes()),
                8,
                () -> policy.name() + " is decided by kernel versions");
    }

    private void kernelVersionsDoNotCount(Fleet fleet, Host host, NodeDecision decision) {
        Fleet blind = cluster.withoutKernelVersions(fleet);
        NodeDecision other = cluster.rules.decide(blind, blind.node(host.name).orElseThrow(), cluster.now);
        ensure(other.labels().equals(decision.labels()), 8, () -> host.name + " is labelled by its kernel's version");
    }

    private void rubbishOfOthersDoesNotCount(Host host, NodeDecision decision) {
        if (cluster.hosts.values().stream().anyMatch(h -> h != host && h.lies)) {
            Fleet without = cluster.withoutLies(host);
            NodeDecision other =
                    cluster.rules.decide(without, without.node(host.name).orElseThrow(), cluster.now);
            ensure(
                    other.labels().equals(decision.labels()) && other.profile().equals(decision.profile()),
                    7,
                    () -> host.name + " pays for another node's rubbish");
        }
    }

    private static void fencesAreOneWay(VirtualMachineABIStatus before, VirtualMachineABIStatus after) {
        before.fences().stream()
                .filter(f -> f.raised())
                .forEach(f -> ensure(
                        after.fences().stream()
                                .anyMatch(a -> a.raised() && a.fence().equals(f.fence())),
                        1,
                        () -> "the raised fence " + f.fence() + " was taken down"));
    }

    private static void statusIsWellFormed(
            Policy policy, VirtualMachineABIStatus before, VirtualMachineABIStatus after) {
        ensure(after.observedGeneration() == policy.generation(), 0, () -> "observedGeneration is not the policy's");
        ensure(
                after.fencedNodes().size() <= 20
                        && after.classes().size() <= 50
                        && after.holdsDown().size() <= 20
                        && after.history().size() <= 10
                        && after.conditions().size() <= 8
                        && after.fences().size() <= 16,
                0,
                () -> "a list of the status is longer than it may be");
        for (Condition condition : after.conditions()) {
            before.conditions().stream()
                    .filter(c -> c.getType().equals(condition.getType()))
                    .findFirst()
                    .ifPresent(was -> ensure(
                            !was.getStatus().equals(condition.getStatus())
                                    || was.getLastTransitionTime().equals(condition.getLastTransitionTime()),
                            0,
                            () -> condition.getType() + " has a new transition time and the old status"));
        }
    }

    private List<Host> pool(Policy policy) {
        return cluster.fleet().pool(policy).stream()
                .map(n -> cluster.hosts.get(n.name()))
                .toList();
    }

    /** Whether the operator's watch has told of its boot; until then nothing else can be decided than before it. */
    private static boolean seen(Host host) {
        return host.boot.equals(host.bootSeen);
    }

    private boolean fresh(Host host) {
        return host.report != null
                && host.bootSeen.equals(host.report.bootID())
                && host.report.kvm() != null
                && host.report.kvm().state() == KvmState.Available
                && host.report.profile() != null
                && cluster.profiles.keySet().stream().anyMatch(d -> d.hex().equals(host.report.profile()));
    }

    private boolean truthful(Host host) {
        return seen(host)
                && fresh(host)
                && host.report.profile().equals(host.profile.digest().hex());
    }

    private boolean proved(Host host, GuestAbi abi, Vmm vmm) {
        return fresh(host)
                && host.report.proofs().stream()
                        .anyMatch(p -> abi.digest().hex().equals(p.guestABI()) && p.accepted())
                && !vmmRefuses(host, abi, vmm);
    }

    private boolean tried(Host host, GuestAbi abi) {
        return fresh(host)
                && host.report.proofs().stream()
                        .map(Proof::guestABI)
                        .anyMatch(abi.digest().hex()::equals);
    }

    /** Whether the VMM itself turns a restore down, whatever the kernel takes: registers that it wants listed. */
    private boolean vmmRefuses(Host host, GuestAbi abi, Vmm vmm) {
        Digest digest = Digest.parse(host.report.profile());
        return cluster.verdicts.accepts(digest, cluster.profiles.get(digest), abi, vmm, clamp(abi))
                        instanceof Verdict.Refused r
                && r.refusals().stream()
                        .anyMatch(f -> f instanceof Refusal.RegisterList || f instanceof Refusal.RegisterMissing);
    }

    /** What the VMM imposes on guests of this ABI: as the oldest policy that names it says, else as a VM that has it. */
    private Clamp clamp(GuestAbi abi) {
        String hex = abi.digest().hex();
        for (Policy policy : cluster.policies.values().stream()
                .filter(p -> p.status() != null)
                .sorted(Comparator.comparing(Policy::created).thenComparing(Policy::name))
                .toList()) {
            VirtualMachineABIStatus status = policy.status();
            Optional<String> clamp = Optional.ofNullable(status.baseline())
                    .filter(b -> b.digest().equals(hex))
                    .map(Pin::clamp)
                    .or(() -> Optional.ofNullable(status.candidate())
                            .filter(c -> c.digest().equals(hex))
                            .map(c -> c.clamp()))
                    .or(() -> Optional.ofNullable(status.previous())
                            .filter(c -> c.digest().equals(hex))
                            .map(Previous::clamp))
                    .or(() -> Optional.ofNullable(status.lowering())
                            .filter(c -> c.digest().equals(hex))
                            .map(l -> l.clamp()));
            if (clamp.isPresent()) {
                return Clamp.parse(clamp.get());
            }
        }
        return cluster.guests.values().stream()
                .filter(g -> g.stamp.equals(Optional.of(abi.digest().label())))
                .map(g -> g.clamp)
                .min(Comparator.comparing(Clamp::toString))
                .orElse(Clamp.NONE);
    }

    private boolean fenced(Policy policy, VirtualMachineABIStatus after, Host host, GuestAbi pin) {
        return fencedWithoutPin(policy, after, host) || (tried(host, pin) && !proved(host, pin, vmm(policy)));
    }

    private boolean fencedWithoutPin(Policy policy, VirtualMachineABIStatus after, Host host) {
        return fresh(host)
                && (!cluster.profiles
                                .get(Digest.parse(host.report.profile()))
                                .defaultGuestAbi()
                                .features()
                                .containsAll(policy.spec().baseline().require())
                        || after.fences().stream()
                                .filter(f -> f.raised())
                                .anyMatch(f -> !crossed(policy, host, f.fence())));
    }

    private boolean barred(Policy policy, Host host) {
        return fresh(host)
                && policy.status() != null
                && policy.status().fences().stream()
                        .filter(f -> f.raised())
                        .anyMatch(f -> !crossed(policy, host, f.fence()));
    }

    private boolean crossed(Policy policy, Host host, String fence) {
        String kernel = KERNELS.get(host.report.profile());
        return switch (fence) {
            case "qemu 11.1" ->
                host.labels
                        .getOrDefault(
                                FleetSequence.QEMU_LABEL, vmm(policy).version().toString())
                        .equals("11.1");
            case "HypercallBitmaps" -> true;
            case "WritableIDRegisters" -> !kernel.equals("6.1");
            default -> kernel.equals("6.18");
        };
    }

    private GuestAbi guestAbi(String hex) {
        return cluster.known(Digest.parse(hex));
    }

    private Vmm vmm(Policy policy) {
        return cluster.verdicts.terms(policy.spec()).vmm();
    }

    private static Set<String> minus(Set<String> all, Set<String> some) {
        Set<String> rest = new HashSet<>(all);
        rest.removeAll(some);
        return rest;
    }

    static void ensure(boolean holds, int rule, Supplier<String> otherwise) {
        if (!holds) {
            throw new Violation(rule, otherwise.get());
        }
    }
}
