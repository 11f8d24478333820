package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.Optional;
import java.util.Set;

/**
 * All that decisions on a policy's VMs see of a VM, but for its name and its node's: the guests of VMs of one kind have
 * the same.
 *
 * @param policy the one that speaks for it
 * @param runs whether it has a node
 * @param host the profiles of its node, where those decide what its guest has; empty where they do not or nobody knows
 */
record VmKind(
        Optional<String> policy, boolean runs, Optional<String> stamp, boolean moved, Clamp clamp, Set<Digest> host) {

    /** @param bootId of its node, whose standing is given too */
    static VmKind of(Optional<String> policy, Vm vm, String bootId, Standing standing) {
        boolean byHost = vm.stamp().isPresent() == vm.moved() || vm.stampedBefore(bootId);
        return new VmKind(
                policy,
                vm.node().isPresent(),
                vm.stamp(),
                vm.moved(),
                vm.clamp(),
                byHost && standing instanceof Standing.Fresh fresh
                        ? Set.copyOf(fresh.kinds().keySet())
                        : Set.of());
    }
}
