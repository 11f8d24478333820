package dev.vmabi.lab;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A running emulated host; its console is kept line by line, and in a log beside the cache. Closing it pulls the plug. */
final class EmulatedHost implements AutoCloseable {

    private final LabHost kind;
    private final Process process;
    private final BufferedWriter log;
    private final List<String> console = new ArrayList<>();
    private boolean ended;

    /** Boots one with these cpio archives on top, the last of which has {@code /lab/run}. */
    EmulatedHost(LabCache cache, LabHost kind, List<Path> overlays, List<String> qemuOptions) {
        this.kind = kind;
        List<String> command = new ArrayList<>(List.of(
                LabCache.script("host.sh"),
                cache.directory().toString(),
                kind.kernel(),
                kind.cpuOption(),
                kind.name(),
                String.join(",", overlays.stream().map(Path::toString).toList())));
        command.addAll(qemuOptions);
        try {
            log = Files.newBufferedWriter(cache.directory().resolve(kind.name() + ".log"));
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().merge("LAB_APPEND", kind.argument(), (given, own) -> given + " " + own);
            process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot boot " + kind.name(), e);
        }
        try {
            // An interrupted run leaves no emulator behind.
            Runtime.getRuntime().addShutdownHook(new Thread(this::close));
        } catch (IllegalStateException e) {
            close(); // begun while the run was being interrupted
            throw e;
        }
        Thread.ofVirtual().name("console-" + kind.name()).start(this::read);
    }

    LabHost kind() {
        return kind;
    }

    /**
     * Waits for a line of the console.
     *
     * @throws IllegalStateException if the host ends or the time is up before, with the last lines of the console
     */
    synchronized String await(String containing, Duration atMost) {
        long until = System.nanoTime() + atMost.toNanos();
        while (true) {
            Optional<String> line =
                    console.stream().filter(l -> l.contains(containing)).findFirst();
            if (line.isPresent()) {
                return line.get();
            }
            long left = until - System.nanoTime();
            if (ended || left <= 0) {
                throw new IllegalStateException(kind.name() + (ended ? " ended" : " took too long") + " before \""
                        + containing + "\"; its console:\n" + String.join("\n", tail()));
            }
            try {
                wait(Math.max(1, left / 1_000_000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
    }

    /** What the console has shown so far. */
    synchronized List<String> console() {
        return List.copyOf(console);
    }

    boolean isRunning() {
        return process.isAlive();
    }

    private List<String> tail() {
        return console.subList(Math.max(0, console.size() - 20), console.size());
    }

    private void read() {
        try (log;
                BufferedReader lines = process.inputReader()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                log.write(line);
                log.newLine();
                log.flush();
                synchronized (this) {
                    console.add(line.stripTrailing());
                    notifyAll();
                }
            }
        } catch (IOException e) {
            // The plug was pulled.
        } finally {
            synchronized (this) {
                ended = true;
                notifyAll();
            }
        }
    }

    @Override
    public void close() {
        // The emulator alone, so that host.sh still removes what it made.
        process.descendants()
                .filter(child -> child.info().command().orElse("").contains("qemu-system"))
                .forEach(ProcessHandle::destroy);
        process.destroy();
    }
}
