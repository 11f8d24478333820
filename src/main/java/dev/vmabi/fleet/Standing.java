package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.fleet.FleetState.Node;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** How far a node's report can be relied on. Nothing but {@link Fresh} earns a node a label. */
public sealed interface Standing {

    /** One line for people; empty for a fresh report. */
    String reason();

    /**
     * A report of the node's present boot, with profiles that are what they say they are.
     *
     * @param digest of the kind that most of the node's CPUs are of
     * @param others what its other kinds of CPU show, where that differs: a VM may run on any of them
     */
    record Fresh(Digest digest, HostProfile profile, SortedMap<Digest, HostProfile> others, Map<Digest, Proof> proofs)
            implements Standing {

        /** Of few of the parts: nodes are grouped by this. */
        @Override
        public int hashCode() {
            return digest.hashCode() * 31 + proofs.size();
        }

        public Fresh {
            others = Collections.unmodifiableSortedMap(new TreeMap<>(others));
            proofs = Map.copyOf(proofs);
        }

        /** What each kind of CPU shows. */
        public SortedMap<Digest, HostProfile> kinds() {
            SortedMap<Digest, HostProfile> kinds = new TreeMap<>(others);
            kinds.put(digest, profile);
            return kinds;
        }

        /** The profiles of {@link #kinds}. */
        List<HostProfile> profiles() {
            return others.isEmpty() ? List.of(profile) : List.copyOf(kinds().values());
        }

        @Override
        public String reason() {
            return "";
        }

        /** The kernel's answer for this guest ABI, if the agent has tried it. */
        public Optional<Proof> proof(Digest guestAbi) {
            return Optional.ofNullable(proofs.get(guestAbi));
        }
    }

    /** No agent has reported. */
    record Missing(String reason) implements Standing {}

    /** The report is from before the node's last boot. */
    record Stale(String reason) implements Standing {}

    /** The host cannot run KVM guests, or the report does not hold. */
    record Unusable(String reason) implements Standing {}

    /** The standing of a node, given the profiles that hold; nodes with the same to say share one. */
    static Standing of(Node node, Map<Digest, HostProfile> profiles, Verdicts verdicts) {
        if (node.report().isEmpty()) {
            return new Missing("no agent has reported for node " + node.name());
        }
        NodeABISpec report = node.report().get().spec();
        if (node.bootId().isEmpty() || !node.bootId().equals(report.bootID())) {
            return new Stale("the report is from boot " + report.bootID() + ", the node runs boot " + node.bootId()
                    + "; it counts again once the agent has reported");
        }
        if (report.kvm() == null || report.kvm().state() != KvmState.Available) {
            String state = report.kvm() == null
                    ? "not reported"
                    : report.kvm().state() == null
                            ? "in a state that this version does not know"
                            : report.kvm().state().name();
            String message = report.kvm() == null || report.kvm().message() == null
                    ? ""
                    : ": " + report.kvm().message();
            return new Unusable("KVM on node " + node.name() + " is " + state + message);
        }
        if (report.profile() == null) {
            return new Unusable("spec.profile of NodeABI " + node.name() + " is missing");
        }
        SortedMap<Digest, HostProfile> kinds = new TreeMap<>();
        Optional<String> trouble = kind(node.name(), report.profile(), profiles, kinds);
        Optional<Digest> most = kinds.keySet().stream().findFirst();
        for (NodeABISpec.Cpu cpu : report.cpus()) {
            if (trouble.isEmpty() && cpu.profile() != null) {
                trouble = kind(node.name(), cpu.profile(), profiles, kinds);
            }
        }
        if (trouble.isPresent()) {
            return new Unusable(trouble.get());
        }
        HostProfile profile = kinds.remove(most.orElseThrow());
        return verdicts.fresh(
                most.get(),
                kinds.keySet(),
                report.proofs(),
                () -> new Fresh(most.get(), profile, kinds, proofs(report)));
    }

    /** Adds the profile of a kind of CPU; what is wrong with it, if that cannot be. */
    private static Optional<String> kind(
            String node, String text, Map<Digest, HostProfile> profiles, Map<Digest, HostProfile> kinds) {
        Digest digest;
        try {
            digest = Digest.parse(text);
        } catch (IllegalArgumentException e) {
            return Optional.of("spec.profile of NodeABI " + node + " is no digest: " + text);
        }
        HostProfile profile = profiles.get(digest);
        if (profile == null) {
            return Optional.of("ABIProfile " + digest.label() + " that NodeABI " + node
                    + " names does not exist or does not hold");
        }
        kinds.put(digest, profile);
        return Optional.empty();
    }

    private static Map<Digest, Proof> proofs(NodeABISpec report) {
        Map<Digest, Proof> proofs = new HashMap<>();
        for (Proof proof : report.proofs()) {
            try {
                proofs.put(Digest.parse(Objects.requireNonNullElse(proof.guestABI(), "")), proof);
            } catch (IllegalArgumentException e) {
                // A proof of something that is no digest proves nothing; the others still count.
            }
        }
        return proofs;
    }
}
