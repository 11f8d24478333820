package dev.vmabi.api;

import dev.vmabi.abi.Digest;

/** The group, labels and annotations by which the project's objects and marks are known in a cluster. */
public final class Names {
    public static final String GROUP = "vmabi.dev";
    public static final String VERSION = "v1alpha1";
    public static final String API_VERSION = GROUP + "/" + VERSION;

    /** The prefix that Kubernetes' NodeRestriction admission keeps kubelets from setting on their own node. */
    public static final String NODE_LABEL_PREFIX = "vmabi.node-restriction.kubernetes.io/";

    /** Node label: the first 16 digits of the ABIProfile that describes the host since its last boot. */
    public static final String PROFILE_LABEL = NODE_LABEL_PREFIX + "profile";

    /**
     * Prefix of a node label that says the version of a VMM, by its name: {@code <prefix>qemu: "10.1"}. Whoever installs
     * the VMM sets it; kubelets may not.
     */
    public static final String VMM_LABEL_PREFIX = "vmm.vmabi.node-restriction.kubernetes.io/";

    /** Label and annotation on a VirtualMachineInstance: the first 16 digits of what its guest sees now. */
    public static final String STAMP = GROUP + "/guest-abi";

    /**
     * Annotation on a VirtualMachineInstance: the boot id that its node was known by when it was stamped. No guest outlives
     * its node's boot, so where another is known since, the stamp was written before that boot was.
     */
    public static final String STAMPED_IN = GROUP + "/stamped-in";

    /** Annotation on a VirtualMachineInstance: what its hook has QEMU leave out, like {@code psci=1.1,pmu=off}. */
    public static final String CLAMP = GROUP + "/clamp";

    /** Annotation on a migration: when a node came up that takes its VM, so that KubeVirt was to try again (RFC 3339). */
    public static final String RETRIED = GROUP + "/retried";

    /** Label by which a VM pod of another stack than KubeVirt opts in to a policy. */
    public static final String POLICY_LABEL = GROUP + "/policy";

    /** Field manager of the operator's server-side applies. */
    public static final String OPERATOR_MANAGER = "vmabi-operator";

    /** Field manager of the node agent's server-side applies. */
    public static final String AGENT_MANAGER = "vmabi-agent";

    private Names() {}

    /** The node label that says: this node has proved, since its last boot, that it takes the guest ABI. */
    public static String nodeLabel(Digest guestAbi) {
        return nodeLabel(guestAbi.label());
    }

    /** As {@link #nodeLabel(Digest)}, from the 16 digits that a stamp holds. */
    public static String nodeLabel(String digest16) {
        return NODE_LABEL_PREFIX + digest16;
    }
}
