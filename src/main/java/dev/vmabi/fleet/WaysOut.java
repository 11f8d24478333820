package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Vmm;
import dev.vmabi.fleet.FleetState.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which nodes take a VM of a guest ABI, for as much as is asked: whether there is any beside its own. A node that is
 * cordoned or not Ready counts: it comes back, and takes the VM then. One that has not tried the guest ABI yet counts by
 * computation.
 */
final class WaysOut {
    private static final int ENOUGH = 2;

    private final Fleet fleet;
    private final Vmm vmm;
    private final Map<Standing.Fresh, List<PersistentMap<String, Node>>> nodes = new HashMap<>();
    private final Map<Digest, List<String>> accepting = new HashMap<>();

    /** @param pool the nodes of the policy that speaks for the VMs, with the fences that it raises at this moment */
    WaysOut(Fleet fleet, Vmm vmm, Pool pool) {
        this.fleet = fleet;
        this.vmm = vmm;
        Map<NodeKind, Pool.Judgement> own = new HashMap<>();
        pool.members().groups().forEach(g -> own.put(g.kind(), g.judgement()));
        fleet.index().nodes().all().forEach((kind, group) -> {
            if (kind instanceof NodeKind.Heard heard) {
                Pool.Judgement judgement = own.get(kind);
                boolean barred = judgement == null
                        ? barred(fleet, group.values().iterator().next(), heard.fresh())
                        : judgement.barred();
                if (!barred) {
                    nodes.computeIfAbsent(heard.fresh(), f -> new ArrayList<>()).add(group);
                }
            }
        });
    }

    boolean any(String from, GuestAbi has) {
        return first(has).stream().anyMatch(n -> !n.equals(from));
    }

    /** The first nodes by name that take it: two, or as many as there are. */
    List<String> first(GuestAbi has) {
        return accepting.computeIfAbsent(
                has.digest(),
                d -> new Union<>(nodes.entrySet().stream()
                                .filter(e -> accepts(e.getKey(), has))
                                .flatMap(e -> e.getValue().stream())
                                .toList())
                        .first(ENOUGH).stream().map(Node::name).toList());
    }

    private boolean accepts(Standing.Fresh fresh, GuestAbi has) {
        return fresh.proof(has.digest()).isPresent()
                ? fleet.obstacle(fresh, has.digest(), vmm).isEmpty()
                : fleet.refusal(fresh, has, vmm).isEmpty();
    }

    /** Whether the node is before a fence that the policy holding it has raised. */
    static boolean barred(Fleet fleet, Node node, Standing.Fresh fresh) {
        return fleet.pools()
                .holder(node.name())
                .map(holder -> Fence.raised(holder.status()).stream()
                        .anyMatch(f -> f.before(node, fresh.profiles(), fleet.vmm(holder))
                                .isPresent()))
                .orElse(false);
    }
}
