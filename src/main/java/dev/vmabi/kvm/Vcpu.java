package dev.vmabi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.VcpuFeature;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedSet;
import java.util.TreeSet;

/** The vCPU of a {@link ScratchVm}, which closes it. It never runs, so every register may be written. */
final class Vcpu {

    private static final int SVE_WORDS = 8;

    private final Kernel kernel;
    private final int fd;

    Vcpu(Kernel kernel, int fd) {
        this.kernel = kernel;
        this.fd = fd;
    }

    /** The vector lengths; empty where the vCPU has no SVE. */
    SveVectorLengths sveVectorLengths() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment words = arena.allocate(JAVA_LONG, SVE_WORDS);
            int answer = oneRegister(Uapi.GET_ONE_REG, RegisterId.SVE_VLS, words);
            return answer < 0 ? SveVectorLengths.NONE : SveVectorLengths.ofWords(words.toArray(JAVA_LONG));
        }
    }

    /** Writes the vector lengths; possible until {@link #finalizeSve}. Empty if taken, else why not. */
    Optional<Errno> setSveVectorLengths(SveVectorLengths lengths) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment words = arena.allocateFrom(JAVA_LONG, lengths.words());
            return failure(oneRegister(Uapi.SET_ONE_REG, RegisterId.SVE_VLS, words));
        }
    }

    /** Fixes the vector lengths. Before this a vCPU with SVE lists no registers. */
    void finalizeSve() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment feature = arena.allocateFrom(JAVA_INT, VcpuFeature.SVE.bit());
            int answer = kernel.ioctl(fd, Uapi.ARM_VCPU_FINALIZE, feature.address());
            if (answer < 0) {
                throw new KvmException("KVM_ARM_VCPU_FINALIZE SVE", answer);
            }
        }
    }

    /** Every register that KVM_GET_REG_LIST names. */
    SortedSet<RegisterId> registerIds() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_LONG);
            int answer = kernel.ioctl(fd, Uapi.GET_REG_LIST, count.address());
            if (answer < 0 && Errno.ofAnswer(answer) != Errno.E2BIG) {
                throw new KvmException("KVM_GET_REG_LIST", answer);
            }
            long n = count.get(JAVA_LONG, 0);
            MemorySegment list = arena.allocate(JAVA_LONG, 1 + n);
            list.set(JAVA_LONG, 0, n);
            answer = kernel.ioctl(fd, Uapi.GET_REG_LIST, list.address());
            if (answer < 0) {
                throw new KvmException("KVM_GET_REG_LIST of " + n, answer);
            }
            SortedSet<RegisterId> ids = new TreeSet<>();
            for (long i = 1; i <= list.get(JAVA_LONG, 0); i++) {
                ids.add(new RegisterId(list.getAtIndex(JAVA_LONG, i)));
            }
            return ids;
        }
    }

    /** The value of a register of at most 8 bytes; empty where the kernel refuses to read it. */
    OptionalLong get(RegisterId id) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(JAVA_LONG);
            return oneRegister(Uapi.GET_ONE_REG, id, value) < 0
                    ? OptionalLong.empty()
                    : OptionalLong.of(value.get(JAVA_LONG, 0));
        }
    }

    /** Writes a register of at most 8 bytes. Empty if the kernel took it, which may yet have changed nothing. */
    Optional<Errno> set(RegisterId id, long value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocateFrom(JAVA_LONG, value);
            return failure(oneRegister(Uapi.SET_ONE_REG, id, buffer));
        }
    }

    private int oneRegister(long request, RegisterId id, MemorySegment value) {
        if (id.size() > value.byteSize()) {
            throw new IllegalArgumentException(id + " has " + id.size() + " bytes, not at most " + value.byteSize());
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment argument = arena.allocate(Uapi.ONE_REG);
            argument.set(JAVA_LONG, Uapi.offset(Uapi.ONE_REG, "id"), id.encoding());
            argument.set(JAVA_LONG, Uapi.offset(Uapi.ONE_REG, "addr"), value.address());
            return kernel.ioctl(fd, request, argument.address());
        }
    }

    private static Optional<Errno> failure(int answer) {
        return answer < 0 ? Optional.of(Errno.ofAnswer(answer)) : Optional.empty();
    }
}
