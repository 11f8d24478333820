package dev.vmabi.agent;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What a probe needed goes back to the host before the agent sleeps, which may be for months. */
final class Memory {

    private static final Path MAPPINGS = Path.of("/proc/self/maps");

    /** Generic to Linux. */
    private static final int MADV_DONTNEED = 4;

    /** Of the GNU C library; others have none and need none. */
    private static final Optional<MethodHandle> MALLOC_TRIM =
            libc("malloc_trim", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));

    private static final Optional<MethodHandle> MADVISE = libc(
            "madvise",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));

    private Memory() {}

    @SuppressWarnings("restricted") // calls that take numbers
    private static Optional<MethodHandle> libc(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup().find(name).map(address -> linker.downcallHandle(address, descriptor));
    }

    /**
     * The heap shrinks to what -XX:MaxHeapFreeRatio leaves it, at once with -XX:-ShrinkHeapInSteps, malloc's to its use, and
     * of the JVM's code and classes what is not used any more is left to the page cache.
     */
    static void giveBack() {
        System.gc();
        MALLOC_TRIM.ifPresent(Memory::trim);
        MADVISE.ifPresent(Memory::unmapFiles);
    }

    private static void trim(MethodHandle mallocTrim) {
        try {
            int _ = (int) mallocTrim.invokeExact(0L);
        } catch (Throwable e) {
            throw new AssertionError("malloc_trim takes a number and throws nothing", e);
        }
    }

    /** A page that is needed again is mapped again, without reading it from disk unless the host was short of memory. */
    private static void unmapFiles(MethodHandle madvise) {
        try {
            // Without a regular expression: the JVM would compile it, and map the compiler's code again.
            for (String line : Files.readAllLines(MAPPINGS)) {
                int dash = line.indexOf('-');
                int blank = line.indexOf(' ');
                // Code, and files that are shared; a private mapping of data may hold what was never in the file.
                boolean file = line.startsWith(" r-xp ", blank) || line.startsWith(" r--s ", blank);
                if (file && line.indexOf('/') > 0) {
                    long from = Long.parseUnsignedLong(line, 0, dash, 16);
                    long to = Long.parseUnsignedLong(line, dash + 1, blank, 16);
                    int _ = (int) madvise.invokeExact(from, to - from, MADV_DONTNEED);
                }
            }
        } catch (IOException e) {
            // Without /proc nothing is given back.
        } catch (Throwable e) {
            throw new AssertionError("madvise takes numbers and throws nothing", e);
        }
    }
}
