package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.fleet.FleetState.Node;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** How far a node's report can be relied on. Nothing but {@link Fresh} earns a node a label. */
public sealed interface Standing {

    /** One line for people; empty for a fresh report. */
    String reason();

    /** A report of the node's present boot, with a profile that is what it says it is. */
    record Fresh(Digest digest, HostProfile profile, Map<Digest, Proof> proofs) implements Standing {
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

    /** The standing of a node, given the profiles that hold. */
    static Standing of(Node node, Map<Digest, HostProfile> profiles) {
        if (node.report().isEmpty()) {
            return new Missing("no agent has reported for node " + node.name());
        }
        NodeABISpec report = node.report().get().spec();
        if (node.bootId().isEmpty() || !node.bootId().equals(report.bootID())) {
            return new Stale("the report is from boot " + report.bootID() + ", the node runs boot " + node.bootId()
                    + "; it counts again once the agent has reported");
        }
        if (report.kvm() == null || report.kvm().state() != KvmState.Available) {
            String state =
                    report.kvm() == null ? "not reported" : report.kvm().state().name();
            String message = report.kvm() == null || report.kvm().message() == null
                    ? ""
                    : ": " + report.kvm().message();
            return new Unusable("KVM on node " + node.name() + " is " + state + message);
        }
        if (report.profile() == null) {
            return new Unusable("spec.profile of NodeABI " + node.name() + " is missing");
        }
        Digest digest;
        try {
            digest = Digest.parse(report.profile());
        } catch (IllegalArgumentException e) {
            return new Unusable("spec.profile of NodeABI " + node.name() + " is no digest: " + report.profile());
        }
        HostProfile profile = profiles.get(digest);
        if (profile == null) {
            return new Unusable("ABIProfile " + digest.label() + " that NodeABI " + node.name()
                    + " names does not exist or does not hold");
        }
        return new Fresh(digest, profile, proofs(report));
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
        return Map.copyOf(proofs);
    }
}
