package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;

/** What the operator decided for a policy, and why. Every list is bounded. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record VirtualMachineABIStatus(
        @JsonPropertyDescription("Generation of the spec that this status speaks of.")
        Long observedGeneration,

        @JsonPropertyDescription(
                "Ready, BaselinePinned, Converged, RaiseAvailable and Degraded; Lowered and Stalled where they have something to say.")
        @Size(max = 8)
        List<Condition> conditions,

        @JsonPropertyDescription("The guest ABI that the pool is held to.")
        Pin baseline,

        @JsonPropertyDescription("The guest ABI that the pool could be held to, where it differs from the baseline.")
        Candidate candidate,

        @JsonPropertyDescription("The baseline before the last raise: the way back, until the raise is finalised.")
        Previous previous,

        @JsonPropertyDescription(
                "The lesser guest ABI that would let in the nodes that are fenced for what they lack, and its price.")
        Lowering lowering,

        @JsonPropertyDescription(
                "The spec.baseline.lowerTo that was acted on. To lower to the same digest again, take it out of the spec and put it back.")
        String loweredTo,

        @JsonPropertyDescription("Counts of the nodes.") NodeCounts nodes,

        @JsonPropertyDescription("The first fenced nodes with the reason, at most 20; nodes.fenced is the total.")
        @Size(max = 20)
        List<FencedNode> fencedNodes,

        @JsonPropertyDescription("Hosts that show guests the same, and who accepts whose VMs; at most 50.")
        @Size(max = 50)
        List<HostClass> classes,

        @JsonPropertyDescription(
                "Which class and field hold the baseline down, and what leaving would gain; at most 20.")
        @Size(max = 20)
        List<HoldsDown> holdsDown,

        @JsonPropertyDescription(
                "Fields of the baseline that some node would give a new VM otherwise, and what imposes them on it; at most 40, those that nothing imposes first.")
        @Size(max = 40)
        List<ImposedField> imposition,

        @JsonPropertyDescription("Where each fence stands.") @Size(max = 16)
        List<FenceState> fences,

        @JsonPropertyDescription("Counts of the VMs in scope.")
        VmCounts virtualMachines,

        @JsonPropertyDescription("The first VMs that no other node accepts, as namespace/name; at most 20.")
        @Size(max = 20)
        List<String> strandedVMs,

        @JsonPropertyDescription("The first VMs whose guest ABI is not known, as namespace/name; at most 20.")
        @Size(max = 20)
        List<String> unknownVMs,

        @JsonPropertyDescription("The last 10 changes of the baseline, newest first.") @Size(max = 10)
        List<Change> history) {

    public VirtualMachineABIStatus {
        conditions = copy(conditions);
        fencedNodes = copy(fencedNodes);
        classes = copy(classes);
        holdsDown = copy(holdsDown);
        imposition = copy(imposition);
        fences = copy(fences);
        strandedVMs = copy(strandedVMs);
        unknownVMs = copy(unknownVMs);
        history = copy(history);
    }

    private static <T> List<T> copy(List<T> list) {
        return list == null ? List.of() : List.copyOf(list);
    }

    /** A pinned guest ABI. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Pin(
            @JsonPropertyDescription("Counts the baselines of this policy, from 1.")
            long generation,

            @JsonPropertyDescription("Digest: the name of the GuestABI.") @Required @Pattern("^[0-9a-f]{64}$")
            String digest,

            @JsonPropertyDescription("The first 16 digits of the digest, as in node labels and VM stamps.")
            String label,

            @JsonPropertyDescription(
                    "What the VMM must impose on a VM that boots on any node to get this ABI, like psci=1.1; empty where nothing is needed.")
            String clamp,

            @JsonPropertyDescription("Features that a guest of this ABI sees; at most 200.") @Size(max = 200)
            List<String> features,

            @JsonPropertyDescription("When it was pinned (RFC 3339).")
            String pinnedAt) {

        public Pin {
            features = copy(features);
        }
    }

    /** What the baseline could become. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Candidate(
            @JsonPropertyDescription("Digest: the name of the GuestABI; the value that approves it.")
            @Required
            @Pattern("^[0-9a-f]{64}$")
            String digest,

            @JsonPropertyDescription("What the VMM must impose to get it.")
            String clamp,

            @JsonPropertyDescription(
                    "What guests would gain: features, then registers and values that are no feature, like PSCI_VERSION: 0x10001 -> 0x10003; at most 100.")
            @Size(max = 100)
            List<String> gains,

            @JsonPropertyDescription("What guests would lose, in the same words; at most 100.") @Size(max = 100)
            List<String> losses,

            @JsonPropertyDescription("How many of the nodes that must prove it have.")
            int proved,

            @JsonPropertyDescription("How many nodes must prove it.")
            int needed,

            @JsonPropertyDescription("When every node had proved it (RFC 3339).")
            String provedAt,

            @JsonPropertyDescription("When the soak is over (RFC 3339).")
            String soakEndsAt) {

        public Candidate {
            gains = copy(gains);
            losses = copy(losses);
        }
    }

    /** The way back. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Previous(
            @JsonPropertyDescription("Generation of that baseline.")
            long generation,

            @JsonPropertyDescription("Digest of that baseline: approve it to go back.")
            @Required
            @Pattern("^[0-9a-f]{64}$")
            String digest,

            @JsonPropertyDescription("What the VMM had to impose for it.")
            String clamp,

            @JsonPropertyDescription("When the way back closes (RFC 3339).")
            String finalisedAt) {}

    /** What an explicit lowering would cost and bring. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Lowering(
            @JsonPropertyDescription("Digest: the name of the GuestABI; the value of spec.baseline.lowerTo.")
            @Required
            @Pattern("^[0-9a-f]{64}$")
            String digest,

            @JsonPropertyDescription("What the VMM must impose to get it.")
            String clamp,

            @JsonPropertyDescription("What guests would gain, in the words of candidate.gains; at most 100.")
            @Size(max = 100)
            List<String> gains,

            @JsonPropertyDescription("What guests would lose, in the same words; at most 100.") @Size(max = 100)
            List<String> losses,

            @JsonPropertyDescription("How many fenced nodes it would let in.")
            int admits,

            @JsonPropertyDescription("How many of the nodes that must prove it have.")
            int proved,

            @JsonPropertyDescription("How many nodes must prove it.")
            int needed,

            @JsonPropertyDescription(
                    "How many VMs have more than it and no other node that accepts them, or have what nobody knows: it is refused until there are none.")
            int stranded,

            @JsonPropertyDescription("The first of these VMs, as namespace/name; at most 20.") @Size(max = 20)
            List<String> strandedVMs) {

        public Lowering {
            gains = copy(gains);
            losses = copy(losses);
            strandedVMs = copy(strandedVMs);
        }
    }

    /** Counts of nodes. */
    public record NodeCounts(
            @JsonPropertyDescription("arm64 nodes that the selector matches.")
            int matched,

            @JsonPropertyDescription("Of these, with a report of their present boot.")
            int reporting,

            @JsonPropertyDescription("Of these, that have proved the baseline.")
            int accepting,

            @JsonPropertyDescription("Of the matched, that get no VMs because they cannot honour the baseline.")
            int fenced,

            @JsonPropertyDescription("Of the matched, whose report is missing, from an earlier boot, or unusable.")
            int stale) {}

    /** A node that gets no VMs. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record FencedNode(
            @JsonPropertyDescription("Name of the node.") String name,
            @JsonPropertyDescription("Why, in one line.") String reason,

            @JsonPropertyDescription("Features of the baseline that the node lacks; at most 20.") @Size(max = 20)
            List<String> lostFeatures) {

        public FencedNode {
            lostFeatures = copy(lostFeatures);
        }
    }

    /** Hosts that show guests the same. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record HostClass(
            @JsonPropertyDescription("Digest of the default guest ABI.")
            String digest,

            @JsonPropertyDescription("A name for people: CPU and kernel of one member.")
            String example,

            @JsonPropertyDescription("How many nodes.") int nodes,

            @JsonPropertyDescription("Whose VMs these hosts accept: the first 16 digits of the other classes' digests.")
            @Size(max = 50)
            List<String> accepts,

            @JsonPropertyDescription("Whose VMs these hosts refuse, with the first reason.") @Size(max = 50)
            List<RefusedClass> refuses) {

        public HostClass {
            accepts = copy(accepts);
            refuses = copy(refuses);
        }
    }

    /** A class whose VMs are refused. */
    public record RefusedClass(
            @JsonPropertyDescription("The first 16 digits of that class's digest.")
            String digest,

            @JsonPropertyDescription("The first reason, in one line.")
            String reason) {}

    /** What holds the baseline down. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record HoldsDown(
            @JsonPropertyDescription("Digest of the ABIProfile of the hosts that hold it down.")
            String profile,

            @JsonPropertyDescription("How many nodes have that profile.")
            int nodes,

            @JsonPropertyDescription("Register and field.") String field,

            @JsonPropertyDescription("Value in the baseline.")
            String held,

            @JsonPropertyDescription("Value without these hosts.")
            String otherwise,

            @JsonPropertyDescription("Features that guests would gain without them; at most 20.") @Size(max = 20)
            List<String> gains) {

        public HoldsDown {
            gains = copy(gains);
        }
    }

    /** One field of the baseline that not every node gives by itself. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record ImposedField(
            @JsonPropertyDescription("The register, or register.FIELD.")
            String field,

            @JsonPropertyDescription("Value in the baseline; absent where the baseline has no such register.")
            String pinned,

            @JsonPropertyDescription("Value that such a node gives.")
            String given,

            @JsonPropertyDescription(
                    "CPUFeature: spec.domain.cpu.features of every new VM. Hook: the hook, in VMs whose owner asked for it. Nothing: VMs that boot on such a node have more than the baseline.")
            ImposedBy by,

            @JsonPropertyDescription("Why nothing imposes it.")
            String why) {}

    /** What imposes a field on new VMs. */
    public enum ImposedBy {
        CPUFeature,
        Hook,
        Nothing
    }

    /** Where one fence stands. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record FenceState(
            @JsonPropertyDescription("The surface, or the VMM with its minimum version.") @Required
            String fence,

            @JsonPropertyDescription("Nodes that are past it.")
            int crossed,

            @JsonPropertyDescription("Nodes that reported.") int total,

            @JsonPropertyDescription("True once raised; it is not taken down again.")
            boolean raised,

            @JsonPropertyDescription("The first nodes that reported and are not past it; at most 20.") @Size(max = 20)
            List<String> before) {

        public FenceState {
            before = copy(before);
        }
    }

    /** Counts of VMs. */
    public record VmCounts(
            @JsonPropertyDescription("VMs in scope that have a node.")
            int total,

            @JsonPropertyDescription("Of these, whose guest sees just the baseline.")
            int onBaseline,

            @JsonPropertyDescription(
                    "Of these, whose guest sees less than the baseline: a restart would give it the rest.")
            int pendingRestart,

            @JsonPropertyDescription("Of these, that cannot move to every other accepting node.")
            int islanded,

            @JsonPropertyDescription("Of these, that no other node accepts: they can go nowhere.")
            int stranded,

            @JsonPropertyDescription("Of these, whose guest ABI is not known.")
            int unknown) {}

    /** One change of the baseline. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Change(
            @JsonPropertyDescription("When (RFC 3339).") String at,

            @JsonPropertyDescription("Pinned, Raised, Returned, Lowered or Finalised.")
            String what,

            @JsonPropertyDescription("Generation of the baseline after it.")
            long generation,

            @JsonPropertyDescription("Digest of the baseline after it.")
            String digest,

            @JsonPropertyDescription("Why, in one line.") String why) {}
}
