package dev.vmabi.kvm;

import dev.vmabi.abi.VcpuFeature;
import java.util.Set;

/** KVM_ARM_VCPU_INIT refused a set of vCPU features: this host, or the CPU the caller runs on, cannot give them. */
final class VcpuFeaturesException extends KvmException {
    private static final long serialVersionUID = 1L;

    VcpuFeaturesException(Set<VcpuFeature> features, int answer) {
        super("KVM_ARM_VCPU_INIT " + features, answer);
    }
}
