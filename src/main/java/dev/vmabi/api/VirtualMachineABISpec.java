package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.LabelSelector;
import java.util.List;

/** What a platform team asks of a pool of arm64 nodes. Every part but the node selector has a default. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record VirtualMachineABISpec(
        @JsonPropertyDescription("The pool: which arm64 nodes this policy holds to one guest ABI. It may not be empty.")
        @Required
        @ValidationRule(
                value =
                        "(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
                message =
                        "the node selector is empty and would select every node; select the pool by a label, for example kubernetes.io/arch: arm64")
        LabelSelector nodeSelector,

        @JsonPropertyDescription("Which VMs the policy speaks for. Default: every arm64 VM.")
        Workloads workloads,

        @JsonPropertyDescription("Where the baseline comes from, and what may not be in it or missing from it.")
        Baseline baseline,

        @JsonPropertyDescription("How the baseline is raised when the fleet can do more.")
        Raise raise,

        @JsonPropertyDescription("One-way marks. Once raised, hosts and VMMs before them get no VMs.") @Size(max = 8)
        List<Fence> fences,

        @JsonPropertyDescription(
                "The VMM that runs the VMs, which decides what can be imposed and what a restore checks.")
        Vmm vmm,

        @JsonPropertyDescription(
                "Where new VMs may boot. AvoidIslands prefers nodes from which a VM can go everywhere.")
        @Default("AvoidIslands")
        Placement placement,

        @JsonPropertyDescription(
                "Whether a move may add to what a guest sees, so that the host it left would refuse it.")
        @Default("Allow")
        OneWayMoves oneWayMoves,

        @JsonPropertyDescription("Whether new VMs get the clamp that their VMM offers.") @Default("WherePossible")
        Impose impose,

        @JsonPropertyDescription("Audit decides and reports everything and blocks nothing.") @Default("Enforce")
        Enforcement enforcement) {

    public VirtualMachineABISpec {
        nodeSelector = nodeSelector == null ? new LabelSelector() : nodeSelector;
        workloads = workloads == null ? new Workloads(null, null) : workloads;
        baseline = baseline == null ? new Baseline(null, null, null, null, null) : baseline;
        raise = raise == null ? new Raise(null, null, null) : raise;
        fences = fences == null ? List.of() : List.copyOf(fences);
        vmm = vmm == null ? new Vmm(null, null) : vmm;
        placement = placement == null ? Placement.AvoidIslands : placement;
        oneWayMoves = oneWayMoves == null ? OneWayMoves.Allow : oneWayMoves;
        impose = impose == null ? Impose.WherePossible : impose;
        enforcement = enforcement == null ? Enforcement.Enforce : enforcement;
    }

    /** Which VMs a policy speaks for; both selectors must match, and one that is absent matches all. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Workloads(
            @JsonPropertyDescription("Namespaces of the VMs, by their labels.")
            LabelSelector namespaceSelector,

            @JsonPropertyDescription("VMs, by their labels.")
            LabelSelector selector) {}

    /** Source and bounds of the baseline. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    @ValidationRule(
            value = "!has(self.source) || self.source != 'Profile' || has(self.profile)",
            message = "source Profile needs baseline.profile: the digest of an ABIProfile (kubectl get abiprofiles)")
    @ValidationRule(
            value = "!has(self.require) || !has(self.exclude) || self.require.all(f, !(f in self.exclude))",
            message = "a feature is both required and excluded; take it out of one of the two lists")
    public record Baseline(
            @JsonPropertyDescription(
                    "FleetMinimum: what every node of the pool can honour. Profile: the default guest ABI of one ABIProfile.")
            @Default("FleetMinimum")
            BaselineSource source,

            @JsonPropertyDescription("With source Profile: the digest of the ABIProfile.") @Pattern("^[0-9a-f]{64}$")
            String profile,

            @JsonPropertyDescription(
                    "Features that may not be given up: a node without them is fenced instead of lowering the baseline.")
            @Size(max = 64)
            List<@Pattern(FEATURE_NAME) @Size(max = 64) String> require,

            @JsonPropertyDescription("Features and hypercalls that no VM gets.") @Size(max = 64)
            List<@Pattern(FEATURE_NAME) @Size(max = 64) String> exclude,

            @JsonPropertyDescription(
                    "Lowers the baseline, once: the digest that status.lowering offers. Refused while it would strand a VM.")
            @Pattern("^[0-9a-f]{64}$")
            String lowerTo) {

        static final String FEATURE_NAME =
                "^(FEAT_[A-Za-z0-9_]{1,40}|(std|stdHyp|vendorHyp|vendorHyp2)\\.[A-Za-z0-9_]{1,40})$";

        public Baseline {
            source = source == null ? BaselineSource.FleetMinimum : source;
            require = require == null ? List.of() : List.copyOf(require);
            exclude = exclude == null ? List.of() : List.copyOf(exclude);
        }
    }

    /** How the baseline is raised. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Raise(
            @JsonPropertyDescription("Manual waits for approve; Automatic raises once the soak is over.")
            @Default("Manual")
            RaiseStrategy strategy,

            @JsonPropertyDescription(
                    "How long a proved candidate stands before an automatic raise, and how long the way back stays open after any raise. Like 90s, 30m, 24h.")
            @Pattern("^([0-9]{1,6}(h|m|s))+$")
            @Size(max = 24)
            @Default("24h")
            String soak,

            @JsonPropertyDescription(
                    "Digest of the very candidate that is approved, or of the previous baseline to go back to it.")
            @Pattern("^[0-9a-f]{64}$")
            String approve) {

        public Raise {
            strategy = strategy == null ? RaiseStrategy.Manual : strategy;
            soak = soak == null ? "24h" : soak;
        }
    }

    /** A one-way mark for one kernel surface or one VMM. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    @ValidationRule(
            value = "has(self.surface) != has(self.vmm)",
            message = "a fence names either a kernel surface or a VMM, not both and not neither")
    @ValidationRule(
            value = "!has(self.vmm) || has(self.minimumVersion)",
            message = "a fence on a VMM needs minimumVersion, like 11.1")
    public record Fence(
            @JsonPropertyDescription("The kernel surface that hosts must have.")
            Surface surface,

            @JsonPropertyDescription(
                    "The VMM. A node's version is that of its label vmm.vmabi.node-restriction.kubernetes.io/<name>, else of its newest upstream machine type as KubeVirt labels it, else what spec.vmm states.")
            VmmName vmm,

            @JsonPropertyDescription("The first version of the VMM that is past the fence.") @Pattern(VERSION)
            String minimumVersion,

            @JsonPropertyDescription(
                    "Never: only report who is past it. WhenCrossed: raise it when every node of the pool is. Now: raise it at once.")
            @Default("Never")
            FenceRaise raise) {

        public Fence {
            raise = raise == null ? FenceRaise.Never : raise;
        }
    }

    /** The VMM that runs the VMs of the pool. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Vmm(
            @JsonPropertyDescription("Name of the VMM.") @Default("qemu")
            VmmName name,

            @JsonPropertyDescription("Oldest version that runs in the pool, like 10.0. Default: the oldest one known.")
            @Pattern(VERSION)
            String minimumVersion) {

        public Vmm {
            name = name == null ? VmmName.qemu : name;
        }
    }

    static final String VERSION = "^[0-9]{1,4}(\\.[0-9]{1,4}){0,2}$";

    /** Where a baseline comes from. */
    public enum BaselineSource {
        FleetMinimum,
        Profile
    }

    /** Who raises the baseline. */
    public enum RaiseStrategy {
        Manual,
        Automatic
    }

    /** When a fence is raised. */
    public enum FenceRaise {
        Never,
        WhenCrossed,
        Now
    }

    /** Kernel surfaces that a fence can stand on. */
    public enum Surface {
        /** KVM_REG_ARM_FW_FEAT_BMAP registers, Linux 5.19. */
        HypercallBitmaps,
        /** KVM_ARM_GET_REG_WRITABLE_MASKS and ID registers that a VMM may lower, Linux 6.7. */
        WritableIDRegisters,
        /** KVM_REG_ARM_VENDOR_HYP_BMAP_2, Linux 6.15. */
        SecondVendorBitmap,
        /** KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, Linux 6.15. */
        WritableImplementationID
    }

    /** VMMs whose restore rules are known. */
    public enum VmmName {
        qemu("qemu"),
        firecracker("firecracker"),
        @com.fasterxml.jackson.annotation.JsonProperty("cloud-hypervisor")
        cloudHypervisor("cloud-hypervisor"),
        generic("generic");

        private final String text;

        VmmName(String text) {
            this.text = text;
        }

        /** The name as written in a policy and in {@code dev.vmabi.abi.Vmm}. */
        public String text() {
            return text;
        }
    }

    /** Where new VMs may boot. */
    public enum Placement {
        Anywhere,
        AvoidIslands
    }

    /** Whether a one-way move may happen. */
    public enum OneWayMoves {
        Allow,
        Deny
    }

    /** Whether new VMs are clamped. */
    public enum Impose {
        WherePossible,
        Never
    }

    /** Whether decisions bind. */
    public enum Enforcement {
        Enforce,
        Audit
    }
}
