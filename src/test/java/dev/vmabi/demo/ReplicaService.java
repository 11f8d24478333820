package dev.vmabi.demo;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** What a Service does: connections go to the replicas in turn, a dead one included until its readiness is seen. */
public final class ReplicaService implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<OperatorProcess> replicas;
    private final List<OperatorProcess> ready;
    private final AtomicInteger turn = new AtomicInteger();
    private volatile boolean open = true;

    public ReplicaService(List<OperatorProcess> replicas) throws IOException {
        this.replicas = new CopyOnWriteArrayList<>(replicas);
        ready = new CopyOnWriteArrayList<>(replicas);
        Thread _ = Thread.ofVirtual().start(this::accept);
        Thread _ = Thread.ofVirtual().start(this::probe);
    }

    public int port() {
        return listener.getLocalPort();
    }

    /** A new replica is ready. */
    public void add(OperatorProcess replica) {
        replicas.add(replica);
        ready.add(replica);
    }

    /** A replica is to end: no new connections go there, those that are open stay. */
    public void remove(OperatorProcess replica) {
        replicas.remove(replica);
        ready.remove(replica);
    }

    private void probe() {
        while (open) {
            for (OperatorProcess replica : replicas) {
                boolean now = isReady(replica);
                if (!now) {
                    ready.remove(replica);
                } else if (!ready.contains(replica)) {
                    ready.add(replica);
                }
            }
            sleep(Duration.ofSeconds(2));
        }
    }

    private static boolean isReady(OperatorProcess replica) {
        try {
            return replica.ready();
        } catch (IllegalStateException dead) {
            return false;
        }
    }

    private void accept() {
        while (open) {
            try {
                Socket caller = listener.accept();
                List<OperatorProcess> now = List.copyOf(ready);
                if (now.isEmpty()) {
                    caller.close();
                    continue;
                }
                OperatorProcess replica = now.get(Math.floorMod(turn.getAndIncrement(), now.size()));
                Thread _ = Thread.ofVirtual().start(() -> join(caller, replica.gatePort()));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private static void join(Socket caller, int port) {
        try (caller;
                Socket replica = new Socket(InetAddress.getLoopbackAddress(), port)) {
            Thread back = Thread.ofVirtual().start(() -> copy(replica, caller));
            copy(caller, replica);
            back.join();
        } catch (IOException e) {
            // The caller sees its connection closed, as with a pod that is gone.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void copy(Socket from, Socket to) {
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            in.transferTo(out);
            to.close();
        } catch (IOException e) {
            try {
                from.close();
                to.close();
            } catch (IOException ignored) {
                // Both are gone.
            }
        }
    }

    private static void sleep(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        open = false;
        listener.close();
    }
}
