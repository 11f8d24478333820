package dev.vmabi.kvm;

/** This host offers no KVM. The message says why and what to do, for people. */
public final class KvmUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final KvmState state;

    KvmUnavailableException(KvmState state, String message) {
        super(message);
        this.state = state;
    }

    public KvmState state() {
        return state;
    }

    static KvmUnavailableException onOpen(Errno errno) {
        return switch (errno) {
            case ENOENT, ENODEV, ENXIO ->
                new KvmUnavailableException(
                        KvmState.NoDevice,
                        "/dev/kvm is not there (" + errno
                                + "): the kernel was started below EL2, is built without KVM, or the device is not"
                                + " mounted into the container");
            case EACCES, EPERM ->
                new KvmUnavailableException(
                        KvmState.NoPermission,
                        "/dev/kvm may not be opened (" + errno
                                + "): run with the kvm group (supplementalGroups) and let the container's device"
                                + " cgroup pass it");
            default -> new KvmUnavailableException(KvmState.ProbeFailed, "open of /dev/kvm failed: " + errno);
        };
    }

    static KvmUnavailableException onApiVersion(int version) {
        return new KvmUnavailableException(
                KvmState.KernelTooOld, "/dev/kvm has API version " + version + ", not " + Uapi.API_VERSION);
    }
}
