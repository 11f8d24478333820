package dev.vmabi.devserver;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A network between a client and its API server that can be cut: for good, for a while, or once so many bytes have gone
 * one way. What is cut is reset; new connections are closed at once. Or it can be held: then connections stand and
 * nothing goes through them.
 */
public final class Relay implements AutoCloseable {

    private final ServerSocket listening;
    private final URI server;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicLong toServer = new AtomicLong();
    private final AtomicLong toClient = new AtomicLong();
    private volatile long mostToServer = Long.MAX_VALUE;
    private volatile long mostToClient = Long.MAX_VALUE;
    private volatile boolean cut;
    private volatile boolean held;

    public Relay(URI server) {
        this.server = server;
        try {
            listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread.ofVirtual().start(this::accept);
    }

    public URI url() {
        return URI.create("https://127.0.0.1:" + listening.getLocalPort());
    }

    public void cutAfter(long bytesToServer, long bytesToClient) {
        mostToServer = bytesToServer;
        mostToClient = bytesToClient;
    }

    public void cut() {
        cut = true;
        open.forEach(Relay::reset);
    }

    /** Until {@link #mend}. */
    public void hold() {
        held = true;
    }

    public void mend() {
        held = false;
        mostToServer = Long.MAX_VALUE;
        mostToClient = Long.MAX_VALUE;
        cut = false;
    }

    public boolean isCut() {
        return cut;
    }

    public long toServer() {
        return toServer.get();
    }

    public long toClient() {
        return toClient.get();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket client = listening.accept();
                open.add(client);
                if (cut) {
                    reset(client);
                    continue;
                }
                Socket upstream = new Socket(server.getHost(), server.getPort());
                open.add(upstream);
                Thread.ofVirtual().start(() -> copy(client, upstream, toServer, true));
                Thread.ofVirtual().start(() -> copy(upstream, client, toClient, false));
            } catch (IOException e) {
                // Closed, or one connection that failed: its other end will notice.
            }
        }
    }

    private void copy(Socket from, Socket to, AtomicLong count, boolean up) {
        byte[] buffer = new byte[512];
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int n = in.read(buffer); n >= 0 && !cut; n = in.read(buffer)) {
                if (count.addAndGet(n) > (up ? mostToServer : mostToClient)) {
                    cut();
                    return;
                }
                while (held && !cut) {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
                }
                out.write(buffer, 0, n);
            }
        } catch (IOException e) {
            // One end went; closing both tells the other.
        } finally {
            open.remove(from);
            open.remove(to);
        }
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // It is gone already.
        }
    }

    @Override
    public void close() throws IOException {
        listening.close();
        cut();
    }
}
