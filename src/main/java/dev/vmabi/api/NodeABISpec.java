package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.List;

/**
 * What a node's agent reports. Kept under 4 KiB: the profile is a reference, and proofs are kept only for guest ABIs
 * that exist as objects.
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record NodeABISpec(
        @JsonPropertyDescription("Whether this host can run KVM guests, and if not, why.") @Required
        Kvm kvm,

        @JsonPropertyDescription(
                "Digest of the ABIProfile that describes this host; absent where KVM is not available.")
        @Pattern("^[0-9a-f]{64}$")
        String profile,

        @JsonPropertyDescription(
                "The node's boot id when the profile was read. A report from before the last boot is stale.")
        @Required
        @Size(max = 64)
        String bootID,

        @JsonPropertyDescription("Kernel release (uname -r) when the profile was read.") @Size(max = 128)
        String kernelRelease,

        @JsonPropertyDescription("The kinds of CPU in this node. More than one means an asymmetric host.")
        @Size(max = 16)
        List<Cpu> cpus,

        @JsonPropertyDescription("Version of the agent that wrote this report.") @Size(max = 64)
        String agentVersion,

        @JsonPropertyDescription("What this host's kernel said when each guest ABI was written to a scratch VM.")
        @Size(max = 256)
        List<Proof> proofs) {

    public NodeABISpec {
        cpus = cpus == null ? List.of() : List.copyOf(cpus);
        proofs = proofs == null ? List.of() : List.copyOf(proofs);
    }

    /** Whether the host can run KVM guests. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Kvm(
            @JsonPropertyDescription("Available, or why not.") @Required
            KvmState state,

            @JsonPropertyDescription("What to do about it, for people.") @Size(max = 512)
            String message) {}

    /** States of KVM on a host. */
    public enum KvmState {
        Available,
        NoDevice,
        NoPermission,
        Disabled,
        Protected,
        NotArm64,
        KernelTooOld,
        ProbeFailed
    }

    /** One kind of CPU. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Cpu(
            @JsonPropertyDescription("MIDR_EL1 of this kind of CPU.") @Required @Pattern("^0x[0-9a-f]{1,16}$")
            String midr,

            @JsonPropertyDescription("How many CPUs of this kind are online.")
            int count,

            @JsonPropertyDescription("Digest of the ABIProfile read on this kind, where it differs from the node's.")
            @Pattern("^[0-9a-f]{64}$")
            String profile) {}

    /**
     * The kernel's answer for one guest ABI. It speaks of values only: registers that the kernel does not list at all
     * are counted in {@code absent}, since whether a restore may go without them is for the VMM to say.
     */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Proof(
            @JsonPropertyDescription("Digest of the GuestABI that was tried.") @Required @Pattern("^[0-9a-f]{64}$")
            String guestABI,

            @JsonPropertyDescription("True if every register that the kernel lists was taken and read back as written.")
            boolean accepted,

            @JsonPropertyDescription("How many registers of the guest ABI this kernel does not list.")
            int absent,

            @JsonPropertyDescription("The first registers that the kernel did not take.") @Size(max = 8)
            List<Refused> refused) {

        public Proof {
            refused = refused == null ? List.of() : List.copyOf(refused);
        }
    }

    /** One register that was not taken. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Refused(
            @JsonPropertyDescription("Register, and field where it is known: ID_AA64PFR0_EL1.SVE.")
            @Required
            @Size(max = 96)
            String register,

            @JsonPropertyDescription(
                    "What KVM_SET_ONE_REG answered: EINVAL, EBUSY, ENOENT, EPERM, or Ignored for a write that changed nothing.")
            @Required
            @Size(max = 16)
            String error,

            @JsonPropertyDescription("Value that was written.") @Size(max = 40)
            String wanted,

            @JsonPropertyDescription("Value that the host offers.") @Size(max = 40)
            String offered) {}
}
