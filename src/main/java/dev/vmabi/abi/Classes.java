package dev.vmabi.abi;

import java.util.Collection;
import java.util.List;

/**
 * A set of hosts by what their guests see, and who accepts whom.
 *
 * @param classes in the order of their digests
 * @param edges every ordered pair of different classes
 */
public record Classes(List<HostClass> classes, List<Edge> edges) {

    public Classes {
        classes = List.copyOf(classes);
        edges = List.copyOf(edges);
    }

    /** The classes and the digraph of any set of hosts, for VMs started without a clamp. */
    public static Classes of(Collection<HostProfile> hosts, Vmm vmm) {
        return of(hosts, vmm, Clamp.NONE);
    }

    /** The same for VMs started under a clamp. */
    public static Classes of(Collection<HostProfile> hosts, Vmm vmm, Clamp clamp) {
        if (hosts.isEmpty()) {
            return new Classes(List.of(), List.of());
        }
        throw new UnsupportedOperationException("classes of " + hosts.size() + " under " + vmm + clamp);
    }
}
