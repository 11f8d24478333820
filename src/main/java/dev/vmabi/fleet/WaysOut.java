package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Vmm;
import dev.vmabi.fleet.FleetState.Node;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Whether a VM has any node beside its own. Asked for thousands of VMs of few guest ABIs, so two nodes are found once for
 * each guest ABI. A node that is cordoned or not Ready counts: it comes back, and takes the VM then. One that has not tried
 * the guest ABI yet counts by computation.
 */
final class WaysOut {
    private static final int ENOUGH = 2;

    private final Fleet fleet;
    private final Vmm vmm;
    private final List<Node> nodes;
    private final Map<Digest, List<String>> accepting = new HashMap<>();

    /** @param pool the nodes of the policy that speaks for the VMs, with the fences that it raises at this moment */
    WaysOut(Fleet fleet, Vmm vmm, Pool pool) {
        this.fleet = fleet;
        this.vmm = vmm;
        Set<String> barred = pool.members().stream()
                .filter(Pool.Member::barred)
                .map(m -> m.node().name())
                .collect(Collectors.toSet());
        Set<String> own = pool.members().stream().map(m -> m.node().name()).collect(Collectors.toSet());
        nodes = fleet.state().nodes().stream()
                .filter(n -> fleet.standing(n.name()) instanceof Standing.Fresh)
                .filter(n -> own.contains(n.name()) ? !barred.contains(n.name()) : !barredElsewhere(n))
                .toList();
    }

    boolean any(String from, GuestAbi has) {
        return accepting.computeIfAbsent(has.digest(), d -> firstAccepting(has)).stream()
                .anyMatch(n -> !n.equals(from));
    }

    private List<String> firstAccepting(GuestAbi has) {
        return nodes.stream()
                .map(Node::name)
                .filter(n -> accepts(n, has))
                .limit(ENOUGH)
                .toList();
    }

    private boolean accepts(String node, GuestAbi has) {
        return fleet.standing(node) instanceof Standing.Fresh fresh
                && (fresh.proof(has.digest()).isPresent()
                        ? fleet.obstacle(node, has.digest(), vmm).isEmpty()
                        : fleet.refusal(fresh, has, vmm).isEmpty());
    }

    private boolean barredElsewhere(Node node) {
        return fleet.standing(node.name()) instanceof Standing.Fresh fresh && barred(fleet, node, fresh);
    }

    /** Whether the node is before a fence that the policy holding it has raised. */
    static boolean barred(Fleet fleet, Node node, Standing.Fresh fresh) {
        return fleet.pools().selecting(node).stream()
                .findFirst()
                .map(holder -> Fence.raised(holder.status()).stream()
                        .anyMatch(f -> f.before(node, fresh.profiles(), fleet.vmm(holder))
                                .isPresent()))
                .orElse(false);
    }
}
