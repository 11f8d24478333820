package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A set of hosts by what their guests see, and who accepts whom.
 *
 * @param classes in the order of their digests
 * @param edges every ordered pair of different classes
 */
public record Classes(List<HostClass> classes, List<Edge> edges) {

    private static final int FIRST_REFUSALS = 8;

    public Classes {
        classes = List.copyOf(classes);
        edges = List.copyOf(edges);
    }

    /** The classes and the digraph of any set of hosts, for VMs started without a clamp. */
    public static Classes of(Collection<HostProfile> hosts, Vmm vmm) {
        return of(hosts, vmm, Clamp.NONE);
    }

    /** The classes alone: the digraph grows with the square of their number. */
    static List<HostClass> withoutEdges(Collection<HostProfile> hosts) {
        List<HostClass> classes = new ArrayList<>();
        members(hosts).forEach((abi, profiles) -> classes.add(hostClass(abi, profiles)));
        return classes;
    }

    /** The same for VMs started under a clamp: an edge says where a VM born under it can go. */
    public static Classes of(Collection<HostProfile> hosts, Vmm vmm, Clamp clamp) {
        SortedMap<Digest, List<HostProfile>> members = members(hosts);
        List<HostClass> classes = new ArrayList<>();
        List<Edge> edges = new ArrayList<>();
        members.forEach((abi, profiles) -> {
            classes.add(hostClass(abi, profiles));
            members.forEach((to, targets) -> {
                if (!to.equals(abi)) {
                    edges.add(edge(profiles.getFirst(), targets, vmm, clamp));
                }
            });
        });
        return new Classes(classes, edges);
    }

    private static SortedMap<Digest, List<HostProfile>> members(Collection<HostProfile> hosts) {
        SortedMap<Digest, List<HostProfile>> members = new TreeMap<>();
        for (HostProfile host : new LinkedHashSet<>(hosts)) {
            members.computeIfAbsent(host.defaultGuestAbi().digest(), abi -> new ArrayList<>())
                    .add(host);
        }
        return members;
    }

    private static HostClass hostClass(Digest abi, List<HostProfile> profiles) {
        SortedSet<Digest> digests = new TreeSet<>();
        profiles.forEach(profile -> digests.add(profile.digest()));
        return new HostClass(abi, digests);
    }

    private static Edge edge(HostProfile from, List<HostProfile> targets, Vmm vmm, Clamp clamp) {
        Digest fromDigest = from.defaultGuestAbi().digest();
        Digest toDigest = targets.getFirst().defaultGuestAbi().digest();
        GuestAbi guest;
        try {
            guest = from.birth(clamp);
        } catch (IllegalArgumentException e) {
            Refusal refusal = new Refusal.ClampNotHonoured(
                    "clamp", "", clamp.toString(), e.getMessage(), new TreeSet<>(), "none on this host");
            return new Edge(fromDigest, toDigest, false, false, List.of(refusal));
        }
        boolean oneWay = false;
        for (HostProfile target : targets) {
            Verdict verdict = target.accepts(guest, vmm, clamp, from);
            if (verdict instanceof Verdict.Refused refused) {
                List<Refusal> first =
                        refused.refusals().stream().limit(FIRST_REFUSALS).toList();
                return new Edge(fromDigest, toDigest, false, false, first);
            }
            oneWay |= verdict instanceof Verdict.OneWay;
        }
        return new Edge(fromDigest, toDigest, true, oneWay, List.of());
    }
}
