package dev.vmabi.web;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Standing;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** One guest ABI: what a guest of it sees, who proved it, and what it is to whom. */
record GuestAbiPage(
        String digest,
        String label,
        List<String> features,
        List<Register> registers,
        Integer vgicRevision,
        List<Role> roles,
        long virtualMachines,
        int proved,
        int refused,
        int untried) {

    record Register(String name, String value) {}

    /** What a policy has it as: {@code baseline}, {@code candidate} or {@code previous}. */
    record Role(String policy, String as) {}

    static GuestAbiPage of(Snapshot snapshot, GuestAbi abi) {
        Digest digest = abi.digest();
        int proved = 0;
        int refused = 0;
        int untried = 0;
        for (Node node : snapshot.fleet().state().nodes()) {
            Optional<Proof> proof = snapshot.fresh(node).flatMap((Standing.Fresh f) -> f.proof(digest));
            if (proof.isEmpty()) {
                untried++;
            } else if (proof.get().accepted()) {
                proved++;
            } else {
                refused++;
            }
        }
        OptionalInt vgic = abi.vgicRevision();
        return new GuestAbiPage(
                digest.hex(),
                digest.label(),
                List.copyOf(abi.features()),
                abi.registers().entrySet().stream()
                        .map(e -> new Register(e.getKey().name(), "0x" + Long.toHexString(e.getValue())))
                        .toList(),
                vgic.isPresent() ? vgic.getAsInt() : null,
                roles(snapshot, digest),
                snapshot.fleet().state().vms().stream()
                        .filter(v -> v.stamp().equals(Optional.of(digest.label())))
                        .count(),
                proved,
                refused,
                untried);
    }

    private static List<Role> roles(Snapshot snapshot, Digest digest) {
        List<Role> roles = new ArrayList<>();
        for (Policy policy : snapshot.policies()) {
            VirtualMachineABIStatus status = policy.status();
            if (status == null) {
                continue;
            }
            if (status.baseline() != null && status.baseline().digest().equals(digest.hex())) {
                roles.add(new Role(policy.name(), "baseline"));
            }
            if (status.candidate() != null && status.candidate().digest().equals(digest.hex())) {
                roles.add(new Role(policy.name(), "candidate"));
            }
            if (status.previous() != null && status.previous().digest().equals(digest.hex())) {
                roles.add(new Role(policy.name(), "previous"));
            }
        }
        return roles;
    }
}
