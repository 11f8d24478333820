package dev.vmabi.operator.policy;

import dev.vmabi.abi.Digest;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetEvent;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.operator.Events;
import dev.vmabi.operator.FleetCache;
import dev.vmabi.operator.Writes;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClientException;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.HttpURLConnection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** Stamps the VMs of a policy, several at a time. */
@ApplicationScoped
class Stamps {
    /** An installation meets tens of thousands of VMs; the policy's status is not to wait until all of them are stamped. */
    private static final int MOST = 1_000;

    /** VMs that are stamped at one time and told of: at an installation there are thousands, and nothing to tell. */
    private static final int MOST_TOLD = 20;

    private final FleetCache cache;
    private final Writes writes;
    private final Events events;

    Stamps(FleetCache cache, Writes writes, Events events) {
        this.cache = cache;
        this.writes = writes;
        this.events = events;
    }

    /**
     * Writes the stamps that VMs do not bear yet, at most {@value #MOST} of them. Returns whether some are left: more than
     * that, or of VMs that are others by now than they were decided from.
     *
     * @param fleet by which they were decided
     * @throws KubernetesClientException if one could not be written; the others are
     */
    boolean write(Fleet fleet, Map<FleetState.Vm, Digest> stamps, String policy) {
        List<Map.Entry<FleetState.Vm, Digest>> due = stamps.entrySet().stream()
                .filter(s -> !cache.liveStamp(s.getKey())
                        .equals(Optional.of(s.getValue().label())))
                .limit(MOST + 1L)
                .toList();
        boolean told = due.size() <= MOST_TOLD;
        AtomicBoolean left = new AtomicBoolean(due.size() > MOST);
        SeveralAtOnce.write(due.stream().limit(MOST).toList(), s -> {
            try {
                stamp(fleet, s.getKey(), s.getValue(), policy, told);
            } catch (KubernetesClientException e) {
                if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
                    throw e;
                }
                left.set(true);
            }
        });
        return left.get();
    }

    private void stamp(Fleet fleet, FleetState.Vm vm, Digest guestAbi, String policy, boolean told) {
        String bootId = vm.node().flatMap(fleet::node).orElseThrow().bootId();
        GenericKubernetesResource vmi = writes.stamp(vm, guestAbi, bootId);
        if (told) {
            events.record(vmi, stamped(vm, guestAbi, policy));
        }
    }

    private static FleetEvent stamped(FleetState.Vm vm, Digest has, String policy) {
        String node = vm.node().orElse("");
        String what = vm.moved()
                ? "Landed on " + node + ": its guest ABI was " + vm.stamp().orElse("") + " and is " + has.label()
                : "Its guest on " + node + " has guest ABI " + has.label()
                        + vm.stamp()
                                .map(before -> ", not " + before + ", as before it was seen that the node had booted")
                                .orElse("");
        return new FleetEvent(
                FleetEvent.Reason.VirtualMachineStamped,
                what + "; policy " + policy + " keeps it to nodes that take that");
    }
}
