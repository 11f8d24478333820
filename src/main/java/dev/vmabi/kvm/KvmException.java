package dev.vmabi.kvm;

/** A KVM call that had to succeed failed. The message names the call and the errno. */
public sealed class KvmException extends RuntimeException permits VcpuFeaturesException {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    KvmException(String call, int answer) {
        super(call + " failed: " + name(answer));
        this.errno = Errno.ofAnswer(answer);
    }

    /** Why it failed. */
    public final Errno errno() {
        return errno;
    }

    private static String name(int answer) {
        Errno errno = Errno.ofAnswer(answer);
        return errno == Errno.UNKNOWN ? "errno " + -answer : errno.name();
    }
}
