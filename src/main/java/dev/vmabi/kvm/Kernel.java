package dev.vmabi.kvm;

/**
 * The Linux calls that everything in this package is made of. Each answers as the system call does: zero or more is
 * success, below zero is the negated errno.
 */
public interface Kernel {

    /** {@code open(path, O_RDWR | O_CLOEXEC)}. */
    int open(String path);

    /**
     * {@code ioctl(fd, request, argument)}.
     *
     * @param argument a value, or the address of the request's structure, which must stay allocated during the call
     */
    int ioctl(int fd, long request, long argument);

    /** {@code close(fd)}. Its result is of no use to anyone: the descriptor is gone either way. */
    void close(int fd);

    /** {@code sched_setaffinity(0, {cpu})}: keeps the calling thread on one CPU. */
    int pinToCpu(int cpu);
}
