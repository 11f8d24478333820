package dev.vmabi.kvm;

/** Kinds of virtual interrupt controller a host may register (KVM_DEV_TYPE_*). */
public enum VgicKind {
    V2(5),
    V3(7),
    ITS(8),
    V5(16);

    private final int deviceType;

    VgicKind(int deviceType) {
        this.deviceType = deviceType;
    }

    int deviceType() {
        return deviceType;
    }
}
