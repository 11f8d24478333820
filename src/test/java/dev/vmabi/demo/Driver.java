package dev.vmabi.demo;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.time.Duration;
import java.util.concurrent.Callable;

/**
 * How the programs behind {@code make demo}, {@code observe}, {@code browser} and the like end: always with an exit code.
 * What a work throws must end the process, because servers and clients leave threads behind that keep it alive; and so
 * must a work that never ends.
 */
public final class Driver {
    private static final int HUNG = 2;

    private Driver() {}

    /**
     * Runs it and exits: 0 if it returns, 1 if it throws, 2 with what every thread does if it is still at it after the
     * limit.
     *
     * @param failed begins the line that says why it threw
     */
    public static void run(String failed, Duration limit, Callable<Void> work) {
        Thread.ofPlatform().daemon().name("driver's limit").start(() -> {
            Story.pause(limit);
            System.err.printf("%n%s: not done after %d s; what its threads do:%n", failed, limit.toSeconds());
            for (ThreadInfo thread : ManagementFactory.getThreadMXBean().dumpAllThreads(true, true)) {
                System.err.print(thread);
            }
            ProcessHandle.current().descendants().forEach(ProcessHandle::destroy);
            Runtime.getRuntime().halt(HUNG);
        });
        int exit = 0;
        try {
            Void _ = work.call();
        } catch (IllegalStateException e) {
            System.err.printf("%n%s: %s%n", failed, e.getMessage());
            exit = 1;
        } catch (Throwable e) {
            e.printStackTrace();
            // Last, because the end of a log is what people see first.
            System.err.printf("%n%s by what nobody foresaw: %s%n", failed, e.getMessage());
            exit = 1;
        }
        System.err.flush();
        System.exit(exit);
    }
}
