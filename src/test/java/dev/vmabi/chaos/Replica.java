package dev.vmabi.chaos;

import dev.vmabi.chaos.check.Writers;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplicaService;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.User;
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
    private final Optional<FakeClock> clock;
    private OperatorProcess process;
    private boolean frozen;
    private int starts;

    Replica(String name, ApiServer server, Writers writers) {
        this.name = name;
        this.server = server;
        tap = new Tap(name, server, writers);
        clock = FakeClock.of(name, server.directory());
        process = start();
    }

    private OperatorProcess start() {
        starts++;
        return new OperatorProcess(
                tap.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")),
                server.directory(),
                name,
                SETTINGS,
                HEAP_MIB,
                clock.map(FakeClock::environment).orElse(Map.of()));
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

    /** Empty where its clock cannot be wrong. */
    Optional<FakeClock> clock() {
        return clock;
    }

    @Override
    public void close() {
        thaw();
        process.close();
        tap.close();
    }
}
