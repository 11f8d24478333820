package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Cpu;
import dev.vmabi.api.NodeABISpec.Kvm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.NodeABISpec.Refused;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Report;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** A fleet in which some nodes have become other hosts, and their agents have said so and proved all there is to prove. */
final class Supposition {
    private static final int MOST_REFUSED = 8;

    /** What a node is to become. */
    record Host(Digest digest, HostProfile profile, String kernel) {}

    private Supposition() {}

    /** What the node would be as the target says; empty if no node tells what its CPUs show under that kernel. */
    static Optional<Host> host(Fleet fleet, Node node, Preflight.Target target) {
        return switch (target) {
            case Preflight.ToProfile(HostProfile profile) ->
                Optional.of(new Host(profile.digest(), profile, kernelOf(fleet, profile, node)));
            case Preflight.ToKernel(String release) -> mostOften(fleet, node, release);
        };
    }

    /** What most hosts of the same CPUs under that kernel show. */
    private static Optional<Host> mostOften(Fleet fleet, Node node, String release) {
        SortedMap<Digest, List<Host>> hosts = new TreeMap<>();
        for (Node other : fleet.state().nodes()) {
            if (isOf(release, other.kernelVersion())
                    && !cpus(node).isEmpty()
                    && cpus(other).equals(cpus(node))
                    && fleet.standing(other.name()) instanceof Standing.Fresh fresh) {
                hosts.computeIfAbsent(fresh.digest(), d -> new ArrayList<>())
                        .add(new Host(fresh.digest(), fresh.profile(), other.kernelVersion()));
            }
        }
        return hosts.values().stream().max(Comparator.comparingInt(List::size)).map(List::getFirst);
    }

    private static boolean isOf(String release, String version) {
        return version.startsWith(release)
                && (version.length() == release.length() || !Character.isDigit(version.charAt(release.length())));
    }

    private static List<String> cpus(Node node) {
        return node.report().stream()
                .flatMap(r -> r.spec().cpus().stream().map(Cpu::midr))
                .sorted()
                .toList();
    }

    private static String kernelOf(Fleet fleet, HostProfile profile, Node node) {
        return fleet.state().nodes().stream()
                .filter(n -> fleet.standing(n.name()) instanceof Standing.Fresh fresh
                        && fresh.digest().equals(profile.digest()))
                .map(Node::kernelVersion)
                .findFirst()
                .orElse(node.kernelVersion());
    }

    /** The fleet with these nodes so changed, and without the VMs that run on them now. */
    static Fleet of(Fleet fleet, Map<String, Host> changed) {
        FleetState state = fleet.state();
        Map<Digest, HostProfile> profiles = new HashMap<>(state.profiles());
        changed.values().forEach(h -> profiles.put(h.digest(), h.profile()));
        List<Node> nodes = state.nodes().stream()
                .map(n -> changed.containsKey(n.name()) ? become(fleet, n, changed.get(n.name())) : n)
                .toList();
        return new Fleet(
                new FleetState(
                        state.policies(),
                        nodes,
                        profiles,
                        state.guestAbis(),
                        state.vms().stream()
                                .filter(v ->
                                        v.node().filter(changed::containsKey).isEmpty())
                                .toList(),
                        state.namespaces()),
                fleet.verdicts());
    }

    private static Node become(Fleet fleet, Node node, Host host) {
        List<Proof> proofs = fleet.state().guestAbis().values().stream()
                .map(abi -> prove(fleet, host, abi))
                .toList();
        NodeABISpec spec = new NodeABISpec(
                new Kvm(KvmState.Available, null),
                host.digest().hex(),
                node.bootId(),
                host.kernel(),
                node.report().stream()
                        .flatMap(r -> r.spec().cpus().stream())
                        .map(c -> new Cpu(c.midr(), c.count(), null))
                        .toList(),
                "",
                proofs);
        return new Node(
                node.name(),
                node.uid(),
                node.labels(),
                node.architecture(),
                node.ready(),
                node.schedulable(),
                node.bootId(),
                host.kernel(),
                node.guestAbiLabels(),
                Optional.of(new Report(
                        node.report().map(Report::generation).orElse(1L),
                        spec,
                        node.report().map(Report::status).orElse(null))));
    }

    /** What the kernel would say to the values: it does not know of the VMM's own rules. */
    private static Proof prove(Fleet fleet, Host host, GuestAbi abi) {
        List<Refused> refused = fleet.verdicts().accepts(host.digest(), host.profile(), abi, Vmm.GENERIC, Clamp.NONE)
                        instanceof Verdict.Refused r
                ? r.refusals().stream()
                        .filter(f -> !(f instanceof Refusal.RegisterList) && !(f instanceof Refusal.RegisterMissing))
                        .limit(MOST_REFUSED)
                        .map(f -> new Refused(f.register(), "EINVAL", f.wanted(), f.offered()))
                        .toList()
                : List.of();
        return new Proof(abi.digest().hex(), refused.isEmpty(), 0, refused);
    }
}
