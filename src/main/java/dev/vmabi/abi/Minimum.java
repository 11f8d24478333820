package dev.vmabi.abi;

import java.util.Collection;
import java.util.List;

/** The safe minimum of a set of hosts: the most that every one of them accepts. */
public sealed interface Minimum {

    /**
     * All hosts accept one guest ABI, and no greater one.
     *
     * @param abi that guest ABI
     * @param clamp what the VMM has to impose for it; ask {@link HostProfile#accepts(GuestAbi, Vmm, Clamp)} with it
     * @param holdsDown which profile and field hold it down, those first that cost the most features
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
     * @param edges who accepts whom, for every ordered pair of different classes; empty above
     *     {@value #MOST_CLASSES_WITH_EDGES} classes, since their number grows with the square: ask {@link Classes#of}
     * @param reasons the registers and fields for which no value is taken by all
     */
    record None(List<HostClass> classes, List<Edge> edges, List<Refusal> reasons) implements Minimum {

        static final int MOST_CLASSES_WITH_EDGES = 64;

        public None {
            classes = List.copyOf(classes);
            edges = List.copyOf(edges);
            reasons = List.copyOf(reasons);
        }
    }

    /**
     * The minimum of a set of hosts, sought within what the VMM can do: where the hosts agree on nothing else, with
     * vCPU features off that it can switch off.
     *
     * @param hosts at least one; equal profiles count once
     * @throws IllegalArgumentException if there are no hosts
     */
    static Minimum of(Collection<HostProfile> hosts, Vmm vmm, Exclusions exclusions) {
        return new MinimumSearch(hosts, vmm, exclusions).search();
    }

    /**
     * What the others would gain if one host left.
     *
     * @return what their minimum has and that of all has not; empty if the host is the only one, or holds nothing down
     * @throws IllegalArgumentException if there are no hosts
     */
    static List<Addition> gainWithout(
            Collection<HostProfile> hosts, HostProfile leaving, Vmm vmm, Exclusions exclusions) {
        List<HostProfile> others =
                hosts.stream().filter(host -> !host.equals(leaving)).toList();
        if (others.isEmpty()
                || !(of(hosts, vmm, exclusions) instanceof Common all)
                || !(of(others, vmm, exclusions) instanceof Common left)) {
            return List.of();
        }
        return Addition.between(all.abi(), left.abi());
    }
}
