package dev.vmabi.gate;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.Destinations.Barrier;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The texts of denials (docs/gate.md lists each with its cure). They hold no time and no count that changes by itself,
 * so that a denial repeated is one Kubernetes event counted up.
 */
final class Denials {
    private static final int MOST_REASONS = 3;
    private static final int MOST_NODES = 4;
    private static final int MOST_REASON_LENGTH = 220;

    private Denials() {}

    /** No other node takes the VM. */
    static String nowhere(Vm vm, Digest guestAbi, List<Barrier> barriers) {
        String subject = "VM " + vm.key() + " (guest ABI " + guestAbi.label() + ") has no other node to go to";
        if (barriers.isEmpty()) {
            return calm(subject + ": no other arm64 node meets the node selector of the VM and of this migration");
        }
        Map<String, List<Barrier>> byReason = barriers.stream()
                .collect(Collectors.groupingBy(Barrier::reason, LinkedHashMap::new, Collectors.toList()));
        String reasons = byReason.entrySet().stream()
                .limit(MOST_REASONS)
                .map(e -> "\n" + nodes(e.getValue()) + ": " + cut(e.getKey()))
                .collect(Collectors.joining());
        long more = byReason.values().stream()
                .skip(MOST_REASONS)
                .mapToLong(List::size)
                .sum();
        return calm(subject + reasons + (more == 0 ? "" : "\n" + more + " more nodes for other reasons") + explain(vm));
    }

    /** Nothing is known of what the guest has. */
    static String unknown(Fleet fleet, Vm vm, Optional<String> stamp, boolean receives) {
        return calm("VM " + vm.key() + " stays where it is: what its guest has is not known: "
                + cause(fleet, vm, stamp, receives) + explain(vm));
    }

    private static String cause(Fleet fleet, Vm vm, Optional<String> stamp, boolean receives) {
        if (stamp.isEmpty() && receives) {
            return "it comes from elsewhere; give its VirtualMachineInstance here the label and annotation "
                    + Names.STAMP + " that it has there, and this cluster that GuestABI";
        }
        return fleet.whyUnknown(vm, stamp);
    }

    private static String nodes(List<Barrier> barriers) {
        String first = barriers.stream().limit(MOST_NODES).map(Barrier::node).collect(Collectors.joining(", "));
        return barriers.size() > MOST_NODES ? first + " and " + (barriers.size() - MOST_NODES) + " more" : first;
    }

    private static String explain(Vm vm) {
        return "\nsee: kubectl vmabi explain " + vm.key();
    }

    private static String cut(String reason) {
        return reason.length() <= MOST_REASON_LENGTH ? reason : reason.substring(0, MOST_REASON_LENGTH) + "...";
    }

    /** KubeVirt 1.10 handles a denial that holds one of these phrases as another kind of failure. */
    private static String calm(String text) {
        return text.replace("exceeded quota", "exceeded-quota").replace("violates PodSecurity", "violates-PodSecurity");
    }
}
