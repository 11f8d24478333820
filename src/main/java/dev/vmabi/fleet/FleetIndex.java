package dev.vmabi.fleet;

import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The nodes and VMs of a state, judged and grouped by what they are alike in. That of a later state is made from it in
 * time that grows with what changed, and is the same as one made from nothing.
 */
final class FleetIndex {
    private static final Standing UNKNOWN = new Standing.Missing("the node does not exist");

    private final FleetState state;
    private final Verdicts verdicts;
    private final Pools pools;
    private final PersistentMap<String, Standing> standings;
    private final Groups<NodeKind, Node> nodes;
    private final PersistentMap<String, PersistentMap<String, Vm>> vmsByNode;
    private final Groups<VmKind, Vm> vms;

    /** Of a state without nodes and VMs. */
    private FleetIndex(FleetState state, Verdicts verdicts) {
        this.state = state;
        this.verdicts = verdicts;
        this.pools = Pools.ofNoNodes(state.policies());
        this.standings = PersistentMap.empty();
        this.nodes = Groups.none();
        this.vmsByNode = PersistentMap.empty();
        this.vms = Groups.none();
    }

    /** Of a state with the same profiles and selectors. */
    private FleetIndex(FleetIndex before, FleetState now) {
        state = now;
        verdicts = before.verdicts;
        Set<String> changedNodes = before.state.nodesByName().differences(now.nodesByName());
        pools = before.pools.next(now, changedNodes);

        PersistentMap<String, Standing> judged = before.standings;
        Groups.Change<NodeKind, Node> grouped = before.nodes.change();
        for (String name : changedNodes) {
            Node node = now.nodesByName().get(name);
            if (before.state.nodesByName().containsKey(name)) {
                grouped.remove(before.kind(name), name);
            }
            judged = node == null
                    ? judged.without(name)
                    : judged.with(name, Standing.of(node, now.profiles(), verdicts));
        }
        standings = judged;
        changedNodes.stream()
                .filter(now.nodesByName()::containsKey)
                .forEach(n -> grouped.add(kind(n), n, now.nodesByName().get(n)));
        nodes = grouped.done();

        Set<String> changedVms = before.state.vmsByKey().differences(now.vmsByKey());
        Set<String> concerned = new TreeSet<>(changedVms);
        changedNodes.stream()
                .filter(n -> !sameForVms(before, n))
                .forEach(n -> concerned.addAll(before.vmsOn(n).keySet()));
        Groups.Change<VmKind, Vm> regrouped = before.vms.change();
        for (String key : concerned) {
            Optional.ofNullable(before.state.vmsByKey().get(key)).ifPresent(v -> regrouped.remove(before.kind(v), key));
            Optional.ofNullable(now.vmsByKey().get(key)).ifPresent(v -> regrouped.add(kind(v), key, v));
        }
        vms = regrouped.done();
        vmsByNode = placed(before, changedVms);
    }

    static FleetIndex of(FleetState state, Verdicts verdicts) {
        FleetState bare = new FleetState(
                state.policies(),
                PersistentMap.empty(),
                state.profiles(),
                state.guestAbis(),
                PersistentMap.empty(),
                state.namespaces());
        return new FleetIndex(new FleetIndex(bare, verdicts), state);
    }

    FleetIndex next(FleetState now) {
        return state.profiles().keySet().equals(now.profiles().keySet())
                        && Pools.selectAlike(state.policies(), now.policies())
                ? new FleetIndex(this, now)
                : of(now, verdicts);
    }

    private PersistentMap<String, PersistentMap<String, Vm>> placed(FleetIndex before, Set<String> changedVms) {
        PersistentMap<String, PersistentMap<String, Vm>> placed = before.vmsByNode;
        for (String key : changedVms) {
            Optional<String> left =
                    Optional.ofNullable(before.state.vmsByKey().get(key)).flatMap(Vm::node);
            if (left.isPresent()) {
                PersistentMap<String, Vm> rest = placed.get(left.get()).without(key);
                placed = rest.isEmpty() ? placed.without(left.get()) : placed.with(left.get(), rest);
            }
            Vm vm = state.vmsByKey().get(key);
            if (vm != null && vm.node().isPresent()) {
                String node = vm.node().get();
                placed = placed.with(
                        node,
                        Objects.requireNonNullElse(placed.get(node), PersistentMap.<String, Vm>empty())
                                .with(key, vm));
            }
        }
        return placed;
    }

    private NodeKind kind(String node) {
        return NodeKind.of(
                pools.holder(node).map(Policy::name), state.nodesByName().get(node), standings.get(node));
    }

    private VmKind kind(Vm vm) {
        return VmKind.of(
                pools.speakingFor(vm).map(Policy::name),
                vm,
                vm.node().flatMap(this::bootId).orElse(""),
                vm.node().map(standings::get).orElse(UNKNOWN));
    }

    /** Whether the node's VMs see no difference. */
    private boolean sameForVms(FleetIndex before, String node) {
        return pools.holder(node)
                        .map(Policy::name)
                        .equals(before.pools.holder(node).map(Policy::name))
                && bootId(node).equals(before.bootId(node))
                && kinds(standings.get(node)).equals(kinds(before.standings.get(node)));
    }

    private Optional<String> bootId(String node) {
        return Optional.ofNullable(state.nodesByName().get(node)).map(Node::bootId);
    }

    private static Set<?> kinds(Standing standing) {
        return standing instanceof Standing.Fresh fresh ? fresh.kinds().keySet() : Set.of();
    }

    Pools pools() {
        return pools;
    }

    Optional<Standing> standing(String node) {
        return Optional.ofNullable(standings.get(node));
    }

    Groups<NodeKind, Node> nodes() {
        return nodes;
    }

    /** The VMs whose guest runs on the node, whether or not it is known. */
    PersistentMap<String, Vm> vmsOn(String node) {
        return Objects.requireNonNullElse(vmsByNode.get(node), PersistentMap.empty());
    }

    Groups<VmKind, Vm> vms() {
        return vms;
    }
}
