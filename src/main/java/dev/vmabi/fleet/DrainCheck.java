package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.fleet.Destinations.Barrier;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a drain of one node would do to its VMs at this moment, by guest ABI alone: whether the nodes that take a VM have
 * room for it, and whether KubeVirt can migrate it at all, is not looked at.
 *
 * @param leave VMs that some other node takes
 * @param stay VMs with nowhere to go; while they run here the drain does not end
 * @param free VMs that no policy speaks for, so that nothing is known against any node
 */
public record DrainCheck(List<Vm> leave, List<Stays> stay, List<Vm> free) {

    /**
     * A VM with nowhere to go.
     *
     * @param policy the policy that speaks for it; one that audits lets it go nevertheless
     * @param guestAbi what the guest has; empty where that is not known
     * @param why in one line
     * @param barriers what keeps it from each candidate, as {@link Destinations#barriers} orders them; empty where the
     *     guest ABI is not known or no other node meets the VM's node selector
     */
    public record Stays(Vm vm, Policy policy, Optional<Digest> guestAbi, String why, List<Barrier> barriers) {
        public Stays {
            barriers = List.copyOf(barriers);
        }
    }

    public DrainCheck {
        leave = List.copyOf(leave);
        stay = List.copyOf(stay);
        free = List.copyOf(free);
    }

    /** Checks a node; one without VMs, or that does not exist, has nothing to leave. */
    public static DrainCheck of(Fleet fleet, String node) {
        List<Vm> leave = new ArrayList<>();
        List<Stays> stay = new ArrayList<>();
        List<Vm> free = new ArrayList<>();
        for (Vm vm : fleet.index().vmsOn(node).values()) {
            Optional<Policy> policy = fleet.policyFor(vm);
            if (policy.isEmpty()) {
                free.add(vm);
            } else {
                stays(fleet, vm, policy.get()).ifPresentOrElse(stay::add, () -> leave.add(vm));
            }
        }
        return new DrainCheck(leave, stay, free);
    }

    private static Optional<Stays> stays(Fleet fleet, Vm vm, Policy policy) {
        Optional<Digest> guestAbi = vm.stamp().flatMap(fleet::digest);
        if (guestAbi.isEmpty()) {
            String why = "what its guest has is not known: " + fleet.whyUnknown(vm, vm.stamp());
            return Optional.of(new Stays(vm, policy, guestAbi, why, List.of()));
        }
        Destinations destinations = Destinations.of(fleet, policy, vm, guestAbi.get(), Map.of());
        if (destinations.any()) {
            return Optional.empty();
        }
        List<Barrier> barriers = destinations.barriers();
        String why = barriers.isEmpty()
                ? "no other arm64 node meets its node selector"
                : "no other node takes its guest ABI " + guestAbi.get().label();
        return Optional.of(new Stays(vm, policy, guestAbi, why, barriers));
    }
}
