package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * A {@link FleetState} with the indexes that decisions need. Immutable; {@link #next} makes that of a later state from it.
 *
 * <p>What costs time (verdicts and minimums) is kept in {@link Verdicts}, which outlives states: its keys are digests,
 * so work grows with distinct profiles and guest ABIs, not with nodes.
 */
public final class Fleet {
    private final FleetState state;
    private final Verdicts verdicts;
    private final FleetIndex index;
    private final Map<String, Digest> guestAbisByLabel = new HashMap<>();
    private final Map<Digest, Clamp> clamps = new HashMap<>();
    private final Map<HomesKey, SortedSet<String>> homes = new ConcurrentHashMap<>();

    private final Map<LabelsKey, Set<String>> labels = new ConcurrentHashMap<>();

    private record LabelsKey(Standing standing, Vmm vmm) {}

    private record HomesKey(String policy, String baseline, Clamp clamp) {}

    public Fleet(FleetState state, Verdicts verdicts) {
        this(state, verdicts, FleetIndex.of(state, verdicts), Optional.empty());
    }

    private Fleet(FleetState state, Verdicts verdicts, FleetIndex index, Optional<Fleet> before) {
        this.state = state;
        this.verdicts = verdicts;
        this.index = index;
        state.guestAbis().keySet().forEach(d -> guestAbisByLabel.put(d.label(), d));
        index.vms()
                .all()
                .keySet()
                .forEach(v -> v.stamp().flatMap(this::digest).ifPresent(d -> clamps.merge(d, v.clamp(), Fleet::first)));
        pools().oldestFirst().reversed().forEach(p -> clampsOf(p.status()));
        before.filter(b -> b.clamps.equals(clamps)
                        && b.state.guestAbis().keySet().equals(state.guestAbis().keySet()))
                .ifPresent(this::keepLabels);
    }

    /** What a report has earned stays as it is until there is another guest ABI to earn. */
    private void keepLabels(Fleet before) {
        Set<Standing> reports = index.nodes().all().keySet().stream()
                .filter(NodeKind.Heard.class::isInstance)
                .map(k -> ((NodeKind.Heard) k).fresh())
                .collect(Collectors.toSet());
        before.labels.forEach((key, earned) -> {
            if (reports.contains(key.standing())) {
                labels.put(key, earned);
            }
        });
    }

    /**
     * The fleet of a later state: the same as one made from nothing, in time that grows with what changed rather than with
     * nodes and VMs, as long as the states share what did not change.
     */
    public Fleet next(FleetState later) {
        return new Fleet(later, verdicts, index.next(later), Optional.of(this));
    }

    private void clampsOf(VirtualMachineABIStatus status) {
        if (status == null) {
            return;
        }
        if (status.lowering() != null) {
            clamps.put(
                    Digest.parse(status.lowering().digest()),
                    clamp(status.lowering().clamp()));
        }
        if (status.previous() != null) {
            clamps.put(
                    Digest.parse(status.previous().digest()),
                    clamp(status.previous().clamp()));
        }
        if (status.candidate() != null) {
            clamps.put(
                    Digest.parse(status.candidate().digest()),
                    clamp(status.candidate().clamp()));
        }
        if (status.baseline() != null) {
            clamps.put(
                    Digest.parse(status.baseline().digest()),
                    clamp(status.baseline().clamp()));
        }
    }

    /** Any one, but always the same one. */
    private static Clamp first(Clamp one, Clamp other) {
        return one.toString().compareTo(other.toString()) <= 0 ? one : other;
    }

    private static Clamp clamp(String text) {
        return text == null || text.isEmpty() ? Clamp.NONE : Clamp.parse(text);
    }

    public FleetState state() {
        return state;
    }

    public Optional<Policy> policy(String name) {
        return pools().policy(name);
    }

    public Optional<Node> node(String name) {
        return Optional.ofNullable(state.nodesByName().get(name));
    }

    public Optional<Vm> vm(String namespace, String name) {
        return Optional.ofNullable(state.vmsByKey().get(namespace + "/" + name));
    }

    /** How far the node's report can be relied on; {@link Standing.Missing} for a node that is not known. */
    public Standing standing(String node) {
        return index.standing(node).orElseGet(() -> new Standing.Missing("node " + node + " does not exist"));
    }

    /**
     * Whether the VM has landed where its guest gained something, and is still stamped with what it had before, or was
     * stamped by what its node showed before it had booted: nodes that take that may refuse what it has now.
     */
    public boolean stampIsBehind(Vm vm, Policy policy) {
        return vm.stamp().isPresent()
                && vm.node().isPresent()
                && VmCensus.has(this, vm, vmm(policy))
                        .filter(has ->
                                !vm.stamp().equals(Optional.of(has.digest().label())))
                        .isPresent();
    }

    /** The policy that speaks for the VM, if any. */
    public Optional<Policy> policyFor(Vm vm) {
        return pools().speakingFor(vm);
    }

    /**
     * The policies whose pool a VM may boot into: those whose workloads match and that hold a node which meets the node
     * selector. Selectors of KubeVirt's own come and go with its daemons and tell no pools apart, so they are passed over.
     */
    public List<Policy> bootPolicies(Vm vm, Map<String, String> nodeSelector) {
        Map<String, String> owners = nodeSelector.entrySet().stream()
                .filter(e -> !e.getKey().contains("kubevirt.io/"))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        return pools().matching(vm).stream()
                .filter(p -> pools().nodes(p).stream().anyMatch(n -> Selectors.has(n.labels(), owners)))
                .toList();
    }

    /**
     * Where a VM that boots under the clamp is best born: the first 16 digits of the profiles from which it can go to
     * every node that accepts the baseline. Empty where that is all of them or none, so that there is nothing to prefer.
     */
    public SortedSet<String> homes(Policy policy, String baseline, Clamp clamp) {
        return homes.computeIfAbsent(
                new HomesKey(policy.name(), baseline, clamp), key -> Homes.of(this, policy, baseline, clamp));
    }

    /** The policy that holds the node, if any. */
    public Optional<Policy> holder(String node) {
        return pools().holder(node);
    }

    /** The VMM that runs the VMs of the policy's pool. */
    public Vmm vmm(Policy policy) {
        return terms(policy).vmm();
    }

    /** The labels of a namespace; none for one that is not known. */
    public Map<String, String> namespaceLabels(String namespace) {
        return state.namespaces().getOrDefault(namespace, Map.of());
    }

    /** The nodes that the policy holds, by name. */
    public Collection<Node> pool(Policy policy) {
        return pools().nodes(policy);
    }

    /** The guest ABI that a stamp or node label of 16 digits stands for, if it exists as an object. */
    public Optional<Digest> digest(String digest16) {
        return Optional.ofNullable(guestAbisByLabel.get(digest16));
    }

    public Optional<GuestAbi> guestAbi(Digest digest) {
        return Optional.ofNullable(state.guestAbis().get(digest));
    }

    /** Why it is not known what the guest of a VM has, and what to do, in one line; {@code stamp} stands for nothing. */
    public String whyUnknown(Vm vm, Optional<String> stamp) {
        if (stamp.flatMap(this::digest).isPresent()) {
            return "it has landed and is still stamped with what it had before; try again in a few seconds";
        }
        if (stamp.isPresent()) {
            return "it is stamped " + stamp.get()
                    + ", but no GuestABI begins so; restore that GuestABI, or restart the VM";
        }
        if (vm.node().isEmpty()) {
            return "it does not run yet; migrate it once it does";
        }
        Standing standing = standing(vm.node().get());
        if (!(standing instanceof Standing.Fresh)) {
            return standing.reason() + "; it is stamped as soon as its node reports";
        }
        return vm.moved()
                ? "it was migrated before anything was known of it; restart it"
                : "the operator has not stamped it yet; try again in a few seconds";
    }

    /**
     * What keeps VMs of this guest ABI from a node, in one line; empty where the node's kernel has proved since its
     * last boot that it takes every value, and the VMM restores it with the registers that the kernel lists. This is
     * the rule that node labels and the gate share.
     */
    public Optional<String> obstacle(String node, Digest guestAbi, Vmm vmm) {
        return obstacle(standing(node), guestAbi, vmm);
    }

    /** The first 16 digits of each guest ABI that has no obstacle to a node of this standing. */
    Set<String> earned(Standing standing, Vmm vmm) {
        return standing instanceof Standing.Fresh
                ? labels.computeIfAbsent(
                        new LabelsKey(standing, vmm),
                        key -> state.guestAbis().keySet().stream()
                                .filter(abi -> obstacle(standing, abi, vmm).isEmpty())
                                .map(Digest::label)
                                .collect(Collectors.toUnmodifiableSet()))
                : Set.of();
    }

    Optional<String> obstacle(Standing standing, Digest guestAbi, Vmm vmm) {
        if (!(standing instanceof Standing.Fresh fresh)) {
            return Optional.of(standing.reason());
        }
        Optional<Proof> proof = fresh.proof(guestAbi);
        if (proof.isEmpty()) {
            return Optional.of("has not proved " + guestAbi.label() + " yet");
        }
        Optional<Verdict.Refused> computed = guestAbi(guestAbi).flatMap(abi -> refusal(fresh, abi, vmm));
        if (!proof.get().accepted()) {
            return Optional.of(
                    computed.map(r -> verdicts.told(r).reason()).orElseGet(() -> Reasons.ofProof(proof.get())));
        }
        return computed.flatMap(r -> verdicts.told(r).ofVmm());
    }

    /** What a node's kernel said to a guest ABI. */
    public enum ProofState {
        /** It takes it. */
        Accepted,
        /** It refuses it, as was computed. */
        Refused,
        /** It refuses what was computed as taken. */
        Unexpected,
        /** It has not been asked since its last boot. */
        Pending
    }

    /** How many nodes of the policy's pool said what to a guest ABI. */
    public Map<ProofState, Long> proofs(Policy policy, Digest guestAbi) {
        Map<ProofState, Long> proofs = new EnumMap<>(ProofState.class);
        index.nodes().all().forEach((kind, nodes) -> {
            if (kind.holder().equals(Optional.of(policy.name()))) {
                proofs.merge(proofState(kind, guestAbi), (long) nodes.size(), Long::sum);
            }
        });
        return proofs;
    }

    private ProofState proofState(NodeKind kind, Digest guestAbi) {
        if (!(kind instanceof NodeKind.Heard heard)) {
            return ProofState.Pending;
        }
        Optional<Proof> proof = heard.fresh().proof(guestAbi);
        if (proof.isEmpty()) {
            return ProofState.Pending;
        }
        if (proof.get().accepted()) {
            return ProofState.Accepted;
        }
        // A kernel is asked for values alone; what only the VMM refuses would be no contradiction.
        return guestAbi(guestAbi)
                        .flatMap(abi -> refusal(heard.fresh(), abi, Vmm.GENERIC))
                        .isPresent()
                ? ProofState.Refused
                : ProofState.Unexpected;
    }

    /** The profiles that reports of nodes name, by the digests as they write them. */
    public Set<String> profilesReported() {
        return index.nodes().all().keySet().stream().flatMap(NodeKind::profiles).collect(Collectors.toSet());
    }

    /** The stamps that VMs carry. */
    public Set<String> stamps() {
        return index.vms().all().keySet().stream()
                .flatMap(v -> v.stamp().stream())
                .collect(Collectors.toSet());
    }

    /** Why the host refuses a guest ABI by computation, on the first of its kinds of CPU that does. */
    Optional<Verdict.Refused> refusal(Standing.Fresh host, GuestAbi abi, Vmm vmm) {
        return host.kinds().entrySet().stream()
                .map(kind -> verdict(kind.getKey(), kind.getValue(), abi, vmm))
                .filter(Verdict.Refused.class::isInstance)
                .map(Verdict.Refused.class::cast)
                .findFirst();
    }

    /** The verdict by computation, from what the host's kernel was measured to take. */
    public Verdict verdict(Digest profile, HostProfile host, GuestAbi abi, Vmm vmm) {
        return verdicts.accepts(profile, host, abi, vmm, clamp(abi.digest()));
    }

    /** What a guest of this ABI has after landing on the host, which accepts it. */
    GuestAbi landing(Digest profile, HostProfile host, GuestAbi abi, Vmm vmm) {
        return verdicts.landing(profile, host, abi, vmm, clamp(abi.digest()));
    }

    /** What the VMM imposes on guests of this ABI, wherever they run: that of the oldest policy's pin, else that of a VM that has it. */
    private Clamp clamp(Digest guestAbi) {
        return clamps.getOrDefault(guestAbi, Clamp.NONE);
    }

    /** Whether both know the same guest ABIs, what is imposed on guests of them, and the same host profiles. */
    boolean knowsTheSameAs(Fleet other) {
        return state.guestAbis().keySet().equals(other.state.guestAbis().keySet())
                && state.profiles().keySet().equals(other.state.profiles().keySet())
                && clamps.equals(other.clamps);
    }

    PolicyTerms terms(Policy policy) {
        return verdicts.terms(policy.spec()).with(policy.unknown());
    }

    Verdicts verdicts() {
        return verdicts;
    }

    FleetIndex index() {
        return index;
    }

    Pools pools() {
        return index.pools();
    }
}
