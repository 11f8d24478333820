package dev.vmabi.abi;

import java.util.Collection;
import java.util.List;

/** The safe minimum of a set of hosts: the most that every one of them accepts. */
public sealed interface Minimum {

    /**
     * All hosts accept one guest ABI, and no greater one.
     *
     * @param abi that guest ABI
     * @param clamp what the VMM has to switch off for it: without this clamp a guest of this ABI is not accepted
     * @param holdsDown which profile and field hold it down, worst first
     */
    record Common(GuestAbi abi, Clamp clamp, List<HoldsDown> holdsDown) implements Minimum {
        public Common {
            holdsDown = List.copyOf(holdsDown);
        }
    }

    /**
     * No guest ABI is accepted by all.
     *
     * @param classes the hosts by what their guests see
     * @param edges who accepts whom, for every ordered pair of different classes
     * @param reasons the registers and fields for which no value is taken by all
     */
    record None(List<HostClass> classes, List<Edge> edges, List<Refusal> reasons) implements Minimum {
        public None {
            classes = List.copyOf(classes);
            edges = List.copyOf(edges);
            reasons = List.copyOf(reasons);
        }
    }

    /**
     * The minimum of a set of hosts, sought within what the VMM can do.
     *
     * @param hosts at least one; equal profiles count once
     * @throws IllegalArgumentException if there are no hosts
     */
    static Minimum of(Collection<HostProfile> hosts, Vmm vmm, Exclusions exclusions) {
        if (hosts.isEmpty()) {
            throw new IllegalArgumentException("the minimum of no hosts is not defined");
        }
        throw new UnsupportedOperationException("minimum of " + hosts.size() + " under " + vmm + exclusions);
    }
}
