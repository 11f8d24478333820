package dev.vmabi.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The running kernel, called through libc. Thread-safe. */
public final class LinuxKernel implements Kernel {

    private static final int O_RDWR = 2;
    /** The generic value, which arm64 and x86-64 share. */
    private static final int O_CLOEXEC = 0x80000;

    /** Bytes of a {@code cpu_set_t}: 1024 CPUs. */
    private static final int CPU_SET_BYTES = 128;

    private static final int EINTR = 4;

    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final long ERRNO_OFFSET = CAPTURE.byteOffset(PathElement.groupElement("errno"));
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

    private static final MethodHandle OPEN = libc(
            "open",
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
            ERRNO,
            Linker.Option.firstVariadicArg(2));
    private static final MethodHandle IOCTL = libc(
            "ioctl",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG),
            ERRNO,
            Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE =
            libc("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    private static final MethodHandle SCHED_SETAFFINITY = libc(
            "sched_setaffinity",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
            ERRNO);

    @SuppressWarnings("restricted") // what this class is for
    private static MethodHandle libc(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup lookup = linker.defaultLookup();
        return linker.downcallHandle(lookup.findOrThrow(name), descriptor, options);
    }

    @Override
    public int open(String path) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(CAPTURE);
            MemorySegment name = arena.allocateFrom(path);
            int result;
            do {
                result = (int) OPEN.invokeExact(errno, name, O_RDWR | O_CLOEXEC);
            } while (interrupted(result, errno));
            return answer(result, errno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    @Override
    public int ioctl(int fd, long request, long argument) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(CAPTURE);
            int result;
            do {
                result = (int) IOCTL.invokeExact(errno, fd, request, argument);
            } while (interrupted(result, errno));
            return answer(result, errno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    @Override
    public void close(int fd) {
        try {
            int _ = (int) CLOSE.invokeExact(fd);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    @Override
    public int pinToCpu(int cpu) {
        if (cpu < 0 || cpu >= CPU_SET_BYTES * 8) {
            return -Errno.EINVAL.number();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(CAPTURE);
            MemorySegment set = arena.allocate(CPU_SET_BYTES, 8);
            // Words of unsigned long: byte cpu/8 on the little-endian machines this runs on.
            set.set(ValueLayout.JAVA_BYTE, cpu / 8, (byte) (1 << (cpu % 8)));
            int result = (int) SCHED_SETAFFINITY.invokeExact(errno, 0, (long) CPU_SET_BYTES, set);
            return answer(result, errno);
        } catch (Throwable e) {
            throw rethrow(e);
        }
    }

    private static boolean interrupted(int result, MemorySegment errno) {
        return result == -1 && errno.get(ValueLayout.JAVA_INT, ERRNO_OFFSET) == EINTR;
    }

    private static int answer(int result, MemorySegment errno) {
        return result == -1 ? -errno.get(ValueLayout.JAVA_INT, ERRNO_OFFSET) : result;
    }

    /** A method handle declares Throwable; these calls can only throw unchecked. */
    private static RuntimeException rethrow(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(e);
    }
}
