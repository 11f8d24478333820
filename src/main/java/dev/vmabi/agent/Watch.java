package dev.vmabi.agent;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.TimeUnit;

/** The lines of a running watch, one event each, read ahead so that a burst can be told from a single event. */
final class Watch implements AutoCloseable {

    /** What was read: a line, or with neither the end, or why reading failed. */
    private record Read(String line, IOException failure) {}

    private final InputStream stream;
    private final BlockingDeque<Read> read = new LinkedBlockingDeque<>();

    Watch(InputStream stream) {
        this.stream = stream;
        // A virtual thread where the agents of many nodes are; for one they would bring the JVM's scheduler, four
        // threads.
        Thread.Builder reader = Thread.currentThread().isVirtual()
                ? Thread.ofVirtual()
                : Thread.ofPlatform().daemon();
        reader.name("vmabi-watch").start(this::readAll);
    }

    /**
     * The next event, waited for without end; null when the watch has ended.
     *
     * @throws IOException if the connection broke
     */
    String take() throws IOException, InterruptedException {
        Read next = read.take();
        if (next.failure() != null) {
            throw next.failure();
        }
        return next.line();
    }

    /** Whether another event is there, or comes soon. */
    boolean more(Duration soon) throws InterruptedException {
        Read next = read.poll(soon.toMillis(), TimeUnit.MILLISECONDS);
        if (next == null) {
            return false;
        }
        read.addFirst(next);
        return next.line() != null;
    }

    private void readAll() {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                read.add(new Read(line, null));
            }
            read.add(new Read(null, null));
        } catch (IOException e) {
            read.add(new Read(null, e));
        }
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}
