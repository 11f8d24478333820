package dev.vmabi.devserver;

import java.io.IOException;
import java.io.UncheckedIOException;

/** What one process of this machine can tell another beside that it is to end. */
public enum Signal {
    STOP,
    CONT;

    public void send(Process process) {
        try {
            Process kill = new ProcessBuilder("kill", "-" + name(), Long.toString(process.pid())).start();
            if (kill.waitFor() != 0 && process.isAlive()) {
                throw new IllegalStateException("process " + process.pid() + " did not take " + name());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
