package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The answer to: may these nodes go to this kernel or profile, or back to it? A pure function of the fleet.
 *
 * <pre>{@code
 * Preflight answer = Preflight.of(
 *         fleet,
 *         fleet.policy("pool-a").orElseThrow(),
 *         new Preflight.Change(new Preflight.Named(Set.of("n1", "n2")), new Preflight.ToKernel("6.18")),
 *         Instant.now());
 * }</pre>
 *
 * <p>Nodes are named, a {@link Share} of the pool, or all of it ({@code new Share(100)}). The target is a kernel that some
 * node of the same CPUs runs already, or a profile, which may come from a file. The change is then supposed: the nodes
 * have rebooted and their agents have proved what the profile takes, and the product's own decisions are asked what they
 * would be. Going back is the same question with the old kernel as the target.
 *
 * <p>Looked at are guest ABIs alone: neither room on the nodes nor what a VM's owner asks of them.
 *
 * @param nodes what becomes of each node that is to go, by name
 * @param order the nodes that may go, one after the other: each VM of a node has another to go to when its turn comes
 * @param blocked the nodes that may not: VMs of theirs would be stranded, as {@code stranded} says
 * @param stranded VMs that no other node takes when theirs is to go, whatever the order
 * @param alone VMs that afterwards have no node but the one they run on, and have one now; as namespace/name
 * @param unknown VMs of the pool of which nobody knows what they have: nothing is promised for them
 * @param baseline what the change means for the baseline
 * @param fences fences that the change raises: what is before them is out for good
 * @param open nodes for which no profile of that kernel is known, and which therefore were left as they are
 */
public record Preflight(
        List<Outcome> nodes,
        List<String> order,
        List<String> blocked,
        List<Stranded> stranded,
        List<String> alone,
        List<String> unknown,
        Baseline baseline,
        List<String> fences,
        List<String> open) {

    /** Which nodes are to go. */
    public sealed interface Nodes permits Named, Share {}

    /** These nodes; those that the policy does not hold are passed over. */
    public record Named(Set<String> names) implements Nodes {}

    /** So many of every hundred nodes of the pool, rounded up, in the order in which they may go. */
    public record Share(int percent) implements Nodes {
        public Share {
            if (percent < 1 || percent > 100) {
                throw new IllegalArgumentException("a share is 1 to 100 percent, not " + percent);
            }
        }
    }

    /** What the nodes are to become. */
    public sealed interface Target permits ToProfile, ToKernel {}

    /** Hosts of this profile. */
    public record ToProfile(HostProfile profile) implements Target {}

    /**
     * Hosts that run this kernel, by the beginning of its release ({@code 6.18} is also {@code 6.18.2-arm64}, not
     * {@code 6.1}). What such a host shows is taken from a node with the same CPUs that runs it.
     */
    public record ToKernel(String release) implements Target {}

    /** What is to happen. */
    public record Change(Nodes nodes, Target target) {}

    /**
     * What becomes of one node.
     *
     * @param reason why it would not accept the baseline; empty if it would
     * @param lostFeatures of the baseline
     */
    public record Outcome(
            String node, Digest profile, NodeState before, NodeState after, String reason, List<String> lostFeatures) {}

    /**
     * A VM that no other node takes.
     *
     * @param vm namespace/name
     * @param reasons why, one for each kind of host, at most three
     */
    public record Stranded(String vm, String node, Digest guestAbi, List<String> reasons) {}

    /**
     * What the change means for the baseline.
     *
     * @param gains what a raise would then give guests that the baseline has not; empty where there is no more to have
     * @param losses what the baseline would have to give up for the nodes that refuse it, were it lowered to let them in
     * @param lowerable whether something is common to all of them at all; true where none refuses it
     */
    public record Baseline(List<String> gains, List<String> losses, boolean lowerable) {}

    /** Whether nothing and nobody is lost: every node may go, comes back accepting, and no VM is stranded or unknown. */
    public boolean clear() {
        return stranded.isEmpty()
                && unknown.isEmpty()
                && open.isEmpty()
                && nodes.stream().allMatch(n -> n.after() == NodeState.Accepting);
    }

    /** Asks the question. */
    public static Preflight of(Fleet fleet, Policy policy, Change change, Instant now) {
        Collection<Node> held = fleet.pool(policy);
        List<String> open = new ArrayList<>();
        SortedMap<String, Supposition.Host> targets = new TreeMap<>();
        held.stream()
                .filter(n -> !(change.nodes() instanceof Named(Set<String> names)) || names.contains(n.name()))
                .forEach(n -> Supposition.host(fleet, n, change.target())
                        .ifPresentOrElse(host -> targets.put(n.name(), host), () -> open.add(n.name())));
        Rollout rollout = Rollout.of(fleet, policy, targets);
        if (change.nodes() instanceof Share(int percent)) {
            int most = (held.size() * percent + 99) / 100;
            List<String> first = new ArrayList<>(rollout.order());
            first.addAll(rollout.blocked());
            targets.keySet().retainAll(new TreeSet<>(first.stream().limit(most).toList()));
            rollout = Rollout.of(fleet, policy, targets);
        }
        Fleet after = Supposition.of(fleet, targets);
        PolicyDecision decision =
                PolicyDecision.decide(after, after.policy(policy.name()).orElseThrow(), now);
        Pool pool = Pool.of(
                after,
                policy,
                fleet.terms(policy),
                Optional.ofNullable(decision.status().baseline()).map(b -> Digest.parse(b.digest())),
                Fence.raised(decision.status().fences()));
        return new Preflight(
                targets.keySet().stream()
                        .map(n -> outcome(fleet, policy, after, pool, n))
                        .toList(),
                rollout.order(),
                rollout.blocked(),
                rollout.stranded(),
                rollout.alone(),
                rollout.unknown(),
                baseline(decision.status()),
                raised(policy.status(), decision.status()),
                Collections.unmodifiableList(open));
    }

    private static Outcome outcome(Fleet fleet, Policy policy, Fleet after, Pool pool, String node) {
        NodeState before = NodeDecision.judge(fleet, fleet.node(node).orElseThrow(), policy)
                .state();
        Pool.Judgement judgement = pool.members().groups().stream()
                .filter(g -> g.nodes().containsKey(node))
                .findFirst()
                .orElseThrow()
                .judgement();
        Digest profile = ((Standing.Fresh) after.standing(node)).digest();
        return new Outcome(
                node, profile, before, judgement.state(), judgement.reason(), List.copyOf(judgement.lostFeatures()));
    }

    private static Baseline baseline(VirtualMachineABIStatus status) {
        VirtualMachineABIStatus.Lowering lowering = status.lowering();
        boolean refused = status.nodes().fenced() > 0;
        return new Baseline(
                status.candidate() == null || status.baseline() == null
                        ? List.of()
                        : status.candidate().gains(),
                lowering == null ? List.of() : lowering.losses(),
                !refused || lowering != null);
    }

    private static List<String> raised(VirtualMachineABIStatus before, VirtualMachineABIStatus after) {
        Set<String> stood = before == null
                ? Set.of()
                : before.fences().stream()
                        .filter(VirtualMachineABIStatus.FenceState::raised)
                        .map(VirtualMachineABIStatus.FenceState::fence)
                        .collect(Collectors.toSet());
        return after.fences().stream()
                .filter(VirtualMachineABIStatus.FenceState::raised)
                .map(VirtualMachineABIStatus.FenceState::fence)
                .filter(f -> !stood.contains(f))
                .toList();
    }
}
