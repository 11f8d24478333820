package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * All that is known of the cluster at one moment.
 *
 * @param vmsByKey by {@link Vm#key}
 * @param profiles host profiles whose content has the digest they are named by
 * @param guestAbis guest ABIs whose content has the digest they are named by
 * @param namespaces the labels of each namespace, by its name
 */
public record FleetState(
        List<Policy> policies,
        PersistentMap<String, Node> nodesByName,
        Map<Digest, HostProfile> profiles,
        Map<Digest, GuestAbi> guestAbis,
        PersistentMap<String, Vm> vmsByKey,
        Map<String, Map<String, String>> namespaces) {

    public FleetState {
        policies = List.copyOf(policies);
        profiles = Map.copyOf(profiles);
        guestAbis = Map.copyOf(guestAbis);
        namespaces = Map.copyOf(namespaces);
    }

    public FleetState(
            List<Policy> policies,
            Collection<Node> nodes,
            Map<Digest, HostProfile> profiles,
            Map<Digest, GuestAbi> guestAbis,
            Collection<Vm> vms,
            Map<String, Map<String, String>> namespaces) {
        this(policies, by(Node::name, nodes), profiles, guestAbis, by(Vm::key, vms), namespaces);
    }

    private static <T> PersistentMap<String, T> by(Function<T, String> name, Collection<T> objects) {
        PersistentMap<String, T> by = PersistentMap.empty();
        for (T object : objects) {
            by = by.with(name.apply(object), object);
        }
        return by;
    }

    /** By name. */
    public Collection<Node> nodes() {
        return nodesByName.values();
    }

    /** By key. */
    public Collection<Vm> vms() {
        return vmsByKey.values();
    }

    /**
     * A VirtualMachineABI as it was last read.
     *
     * @param unknown what its spec asks for in words that this version does not know, each with field and value
     * @param status null before the first decision
     */
    public record Policy(
            String name,
            String uid,
            long generation,
            Instant created,
            VirtualMachineABISpec spec,
            List<String> unknown,
            VirtualMachineABIStatus status) {

        public Policy {
            unknown = List.copyOf(unknown);
        }

        /** This policy with a status that was read later. */
        public Policy with(VirtualMachineABIStatus later) {
            return new Policy(name, uid, generation, created, spec, unknown, later);
        }
    }

    /**
     * A Node with its agent's report.
     *
     * @param bootId {@code status.nodeInfo.bootID}: changes with every boot
     * @param guestAbiLabels the first 16 digits of each guest ABI for which the node has a label now
     */
    public record Node(
            String name,
            String uid,
            Map<String, String> labels,
            String architecture,
            boolean ready,
            boolean schedulable,
            String bootId,
            String kernelVersion,
            Set<String> guestAbiLabels,
            Optional<Report> report) {

        public Node {
            labels = Map.copyOf(labels);
            guestAbiLabels = Set.copyOf(guestAbiLabels);
        }

        /** The first 16 digits of the profile that the node is labelled with now. */
        public Optional<String> profileLabel() {
            return Optional.ofNullable(labels.get(Names.PROFILE_LABEL));
        }

        /** This node with its report. */
        public Node with(Optional<Report> its) {
            return new Node(
                    name, uid, labels, architecture, ready, schedulable, bootId, kernelVersion, guestAbiLabels, its);
        }

        /** This node with the labels and the status of its report as they were last written. */
        public Node written(Optional<Node> node, Optional<Report> its) {
            return new Node(
                    name,
                    uid,
                    node.map(Node::labels).orElse(labels),
                    architecture,
                    ready,
                    schedulable,
                    bootId,
                    kernelVersion,
                    node.map(Node::guestAbiLabels).orElse(guestAbiLabels),
                    report.map(seen -> its.map(last -> new Report(seen.generation(), seen.spec(), last.status()))
                            .orElse(seen)));
        }

        /** Whether VMs may be placed here at all, going by Kubernetes' own marks. */
        public boolean available() {
            return ready && schedulable;
        }
    }

    /** A NodeABI as it was last read; {@code status} is null before the operator's first word. */
    public record Report(long generation, NodeABISpec spec, NodeABIStatus status) {}

    /**
     * A VirtualMachineInstance.
     *
     * @param node where the guest runs now; empty while it does not run
     * @param clamp what its owner or the gate has the VMM leave out
     * @param stamp the first 16 digits of the guest ABI it is marked with
     * @param stampedIn the boot id that its node was known by then; empty where that is not known
     * @param moved whether it has been migrated since it booted
     * @param nodeSelector what every pod of it asks of a node beside its guest ABI
     */
    public record Vm(
            String namespace,
            String name,
            String uid,
            Map<String, String> labels,
            Map<String, String> namespaceLabels,
            Optional<String> node,
            Clamp clamp,
            Optional<String> stamp,
            Optional<String> stampedIn,
            boolean moved,
            Map<String, String> nodeSelector) {

        public Vm {
            labels = Map.copyOf(labels);
            namespaceLabels = Map.copyOf(namespaceLabels);
            nodeSelector = Map.copyOf(nodeSelector);
        }

        /** This VM with the labels of its namespace. */
        public Vm in(Map<String, String> ofNamespace) {
            return namespaceLabels.equals(ofNamespace)
                    ? this
                    : new Vm(
                            namespace,
                            name,
                            uid,
                            labels,
                            ofNamespace,
                            node,
                            clamp,
                            stamp,
                            stampedIn,
                            moved,
                            nodeSelector);
        }

        /** Whether it was stamped by what its node showed in an earlier boot than this, in which it must have been born. */
        boolean stampedBefore(String bootId) {
            return !moved
                    && stamp.isPresent()
                    && stampedIn.filter(b -> !b.equals(bootId)).isPresent();
        }

        /** {@code namespace/name}. */
        public String key() {
            return namespace + "/" + name;
        }

        /** Of few of the parts: VMs are looked up by the ten thousand. */
        @Override
        public int hashCode() {
            return namespace.hashCode() * 31 + name.hashCode();
        }
    }
}
