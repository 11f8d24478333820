package dev.vmabi.kvm;

/** The errno values that KVM/arm64 answers with, and those of opening its device (asm-generic/errno*.h). */
public enum Errno {
    EPERM(1),
    ENOENT(2),
    ENXIO(6),
    E2BIG(7),
    ENOEXEC(8),
    EBADF(9),
    ENOMEM(12),
    EACCES(13),
    EFAULT(14),
    EBUSY(16),
    EEXIST(17),
    ENODEV(19),
    EINVAL(22),
    EMFILE(24),
    ENOTTY(25),
    EOPNOTSUPP(95),
    /** Any other: never expected of KVM. */
    UNKNOWN(0);

    private final int number;

    Errno(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /**
     * The name of a call's failure.
     *
     * @param answer what a {@link Kernel} call returned, below zero
     */
    static Errno ofAnswer(int answer) {
        for (Errno errno : values()) {
            if (errno.number == -answer) {
                return errno;
            }
        }
        return UNKNOWN;
    }
}
