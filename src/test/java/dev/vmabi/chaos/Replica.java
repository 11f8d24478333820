package dev.vmabi.chaos;

import dev.vmabi.chaos.check.Writers;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplicaService;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.User;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** A pod of the operator: one name, one process after the other, each behind the same faulty line. */
final class Replica implements AutoCloseable {
    private static final int HEAP_MIB = 160;
    /** Unused content is collected soon, so that this happens under faults as well. */
    private static final Map<String, String> SETTINGS = Map.of("vmabi.content.grace", "PT1M");

    private final String name;
    private final ApiServer server;
    private final Tap tap;
    private final Optional<Path> fakeClock;
    private final Path offset;
    private OperatorProcess process;
    private boolean frozen;
    private int starts;

    Replica(String name, ApiServer server, Writers writers, Optional<Path> fakeClock) {
        this.name = name;
        this.server = server;
        this.fakeClock = fakeClock;
        tap = new Tap(name, server, writers);
        offset = server.directory().resolve(name + ".offset");
        jump(Duration.ZERO);
        process = start();
    }

    private OperatorProcess start() {
        starts++;
        Map<String, String> environment = fakeClock
                .map(library -> Map.of(
                        "LD_PRELOAD", library.toString(),
                        "FAKETIME_TIMESTAMP_FILE", offset.toString(),
                        "FAKETIME_CACHE_DURATION", "1",
                        "FAKETIME_DONT_FAKE_MONOTONIC", "1",
                        // Or timed waits of a JVM end at once and it turns round and round.
                        "FAKETIME_FORCE_MONOTONIC_FIX", "0"))
                .orElse(Map.of());
        return new OperatorProcess(
                tap.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                server.directory(),
                name,
                SETTINGS,
                HEAP_MIB,
                environment);
    }

    String name() {
        return name;
    }

    Tap tap() {
        return tap;
    }

    OperatorProcess process() {
        return process;
    }

    boolean ready() {
        try {
            return process.ready();
        } catch (IllegalStateException ended) {
            return false;
        }
    }

    int starts() {
        return starts;
    }

    /** What kubelet does with a container that has ended; the service is told of the new one. */
    synchronized void restartIfEnded(ReplicaService service) {
        if (!process.alive()) {
            OperatorProcess ended = process;
            process = start();
            service.remove(ended);
            service.add(process);
        }
    }

    synchronized void kill() {
        process.kill();
    }

    synchronized void freeze() {
        frozen = true;
        process.freeze();
    }

    synchronized void thaw() {
        if (frozen && process.alive()) {
            process.thaw();
        }
        frozen = false;
    }

    /** Its clock is wrong by that much from now on; the one that measures time passed is not. */
    void jump(Duration by) {
        try {
            String text = "%+d\n".formatted(by.toSeconds());
            Files.writeString(offset, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean hasClock() {
        return fakeClock.isPresent();
    }

    @Override
    public void close() {
        thaw();
        process.close();
        tap.close();
    }
}
