package dev.vmabi.cli;

import java.io.Console;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Tells a person at a terminal, on standard error, what takes longer than a second. */
final class Progress implements AutoCloseable {
    private static final String WIPE_LINE = "\r\033[K";

    private final CountDownLatch over = new CountDownLatch(1);
    private final Thread teller;

    private Progress(String what) {
        teller = Thread.ofVirtual().unstarted(() -> tell(what));
        if (Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent()) {
            teller.start();
        }
    }

    static Progress of(String what) {
        return new Progress(what);
    }

    private void tell(String what) {
        boolean told = false;
        try {
            for (int seconds = 1; !over.await(1, TimeUnit.SECONDS); seconds++) {
                System.err.print(WIPE_LINE + what + ", " + seconds + " s");
                System.err.flush();
                told = true;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (told) {
            System.err.print(WIPE_LINE);
            System.err.flush();
        }
    }

    @Override
    public void close() {
        over.countDown();
        try {
            teller.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
