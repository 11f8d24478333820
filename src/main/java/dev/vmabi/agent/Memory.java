package dev.vmabi.agent;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** What a probe needed goes back to the host before the agent sleeps, which may be for months. */
final class Memory {

    /** Of the GNU C library; others have none and need none. */
    private static final Optional<MethodHandle> MALLOC_TRIM = mallocTrim();

    private Memory() {}

    @SuppressWarnings("restricted") // one call without pointers
    private static Optional<MethodHandle> mallocTrim() {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup()
                .find("malloc_trim")
                .map(address -> linker.downcallHandle(
                        address, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG)));
    }

    /** The heap shrinks to what the flags -XX:MinHeapFreeRatio and -XX:MaxHeapFreeRatio leave it, malloc's to its use. */
    static void giveBack() {
        System.gc();
        MALLOC_TRIM.ifPresent(trim -> {
            try {
                int released = (int) trim.invokeExact(0L);
                assert released >= 0;
            } catch (Throwable e) {
                throw new AssertionError("malloc_trim takes a number and throws nothing", e);
            }
        });
    }
}
