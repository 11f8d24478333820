package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.fleet.Recording.Change;
import dev.vmabi.fleet.Recording.Moment;
import dev.vmabi.fleet.Recording.NodeData;
import dev.vmabi.fleet.Recording.Outcome;
import dev.vmabi.fleet.Recording.PolicyData;
import dev.vmabi.fleet.Recording.VmData;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Keeps the last decisions and what they were made from: what is forgotten is folded into what the first decision that
 * is kept began with. Safe for use by several threads.
 */
public final class FlightRecorder {
    private static final FleetState NOTHING =
            new FleetState(List.of(), List.of(), Map.of(), Map.of(), List.of(), Map.of());

    private final int most;
    private final Change before = Change.none();
    private final Deque<Moment> moments = new ArrayDeque<>();
    private int kept;
    private FleetState last = NOTHING;

    /**
     * @param most how many decisions and changed objects are kept beside the cluster itself; 0 records nothing
     */
    public FlightRecorder(int most) {
        this.most = most;
    }

    public void decided(Fleet fleet, FleetState.Policy policy, Instant at, PolicyDecision decision) {
        if (most > 0) {
            keep(fleet, at, PolicyData.of(policy), null, Outcome.of(decision));
        }
    }

    public void decided(Fleet fleet, FleetState.Node node, Instant at, NodeDecision decision) {
        if (most > 0) {
            keep(fleet, at, null, NodeData.of(node), Outcome.of(decision));
        }
    }

    private synchronized void keep(Fleet fleet, Instant at, PolicyData policy, NodeData node, Outcome decided) {
        Change change = change(last, fleet.state());
        last = fleet.state();
        moments.add(new Moment(at.toString(), change, policy, node, decided));
        kept += 1 + change.size();
        while (kept > most && !moments.isEmpty()) {
            Change first = moments.remove().change();
            kept -= 1 + first.size();
            before.then(first);
        }
    }

    /** What is kept now. */
    public synchronized Recording recording() {
        List<Moment> all = new ArrayList<>(moments);
        if (!all.isEmpty()) {
            Change first = Change.none();
            first.then(before);
            Moment eldest = all.getFirst();
            first.then(eldest.change());
            all.set(0, new Moment(eldest.at(), first, eldest.policy(), eldest.node(), eldest.decided()));
        }
        return new Recording(all);
    }

    @SuppressWarnings("ReferenceEquality") // many decisions are made from one and the same
    private static Change change(FleetState before, FleetState now) {
        Change change = Change.none();
        if (before == now) {
            return change;
        }
        changes(
                change.policies(),
                by(before.policies(), FleetState.Policy::name),
                by(now.policies(), FleetState.Policy::name),
                PolicyData::of);
        changes(
                change.nodes(),
                by(before.nodes(), FleetState.Node::name),
                by(now.nodes(), FleetState.Node::name),
                NodeData::of);
        changes(change.vms(), by(before.vms(), FleetState.Vm::key), by(now.vms(), FleetState.Vm::key), VmData::of);
        changes(change.profiles(), hex(before.profiles()), hex(now.profiles()), ABIProfileSpec::fromHostProfile);
        changes(change.guestAbis(), hex(before.guestAbis()), hex(now.guestAbis()), GuestABISpec::fromGuestAbi);
        changes(change.namespaces(), before.namespaces(), now.namespaces(), labels -> labels);
        return change;
    }

    private static <T, D> void changes(
            Map<String, D> to, Map<String, T> before, Map<String, T> now, Function<T, D> data) {
        before.keySet().stream().filter(name -> !now.containsKey(name)).forEach(gone -> to.put(gone, null));
        now.forEach((name, value) -> {
            if (!Objects.equals(before.get(name), value)) {
                to.put(name, data.apply(value));
            }
        });
    }

    private static <T> Map<String, T> by(Collection<T> objects, Function<T, String> name) {
        return objects.stream().collect(Collectors.toMap(name, Function.identity(), (a, b) -> b));
    }

    private static <T> Map<String, T> hex(Map<Digest, T> content) {
        Map<String, T> by = new HashMap<>();
        content.forEach((digest, value) -> by.put(digest.hex(), value));
        return by;
    }
}
