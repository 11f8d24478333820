package dev.vmabi.fleet;

import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import java.util.Arrays;
import java.util.List;

/** A fence on a kernel surface, and which hosts are past it: told from what KVM shows, never from a version. */
record RaisedFence(Surface surface) {
    private static final RegisterId STD_BMAP = RegisterId.parse("0x6030000000160000");
    private static final RegisterId VENDOR_HYP_BMAP_2 = RegisterId.parse("0x6030000000160003");
    private static final int KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES = 230;
    private static final int KVM_CAP_ARM_WRITABLE_IMP_ID_REGS = 239;

    /** The fences that a policy's status says are raised. */
    static List<RaisedFence> of(VirtualMachineABIStatus status) {
        return status == null ? List.of() : of(status.fences());
    }

    /** Those of these fences that are raised. */
    static List<RaisedFence> of(List<FenceState> fences) {
        return Arrays.stream(Surface.values())
                .filter(s ->
                        fences.stream().anyMatch(f -> f.raised() && f.fence().equals(s.name())))
                .map(RaisedFence::new)
                .toList();
    }

    boolean crossedBy(HostProfile host) {
        return switch (surface) {
            case HypercallBitmaps -> host.defaultGuestAbi().lists(STD_BMAP);
            case WritableIDRegisters -> has(host, KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES);
            case SecondVendorBitmap -> host.defaultGuestAbi().lists(VENDOR_HYP_BMAP_2);
            case WritableImplementationID -> has(host, KVM_CAP_ARM_WRITABLE_IMP_ID_REGS);
        };
    }

    String name() {
        return surface.name();
    }

    /** What a host must have to be past it, and since which kernel that is there. */
    String wants() {
        return switch (surface) {
            case HypercallBitmaps -> "it needs the hypercall bitmap registers (Linux 5.19)";
            case WritableIDRegisters -> "it needs writable ID registers (Linux 6.7)";
            case SecondVendorBitmap -> "it needs KVM_REG_ARM_VENDOR_HYP_BMAP_2 (Linux 6.15)";
            case WritableImplementationID -> "it needs KVM_CAP_ARM_WRITABLE_IMP_ID_REGS (Linux 6.15)";
        };
    }

    private static boolean has(HostProfile host, int capability) {
        return host.capabilities().getOrDefault(capability, 0L) > 0;
    }
}
