package dev.vmabi.agent;

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
import java.util.concurrent.atomic.AtomicLong;

/**
 * A network between an agent and its API server that can be cut: for good, for a while, or once so many bytes have gone
 * one way. What is cut is reset; new connections are closed at once.
 */
final class Relay implements AutoCloseable {

    private final ServerSocket listening;
    private final URI server;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicLong toServer = new AtomicLong();
    private final AtomicLong toAgent = new AtomicLong();
    private volatile long mostToServer = Long.MAX_VALUE;
    private volatile long mostToAgent = Long.MAX_VALUE;
    private volatile boolean cut;

    Relay(URI server) {
        this.server = server;
        try {
            listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread.ofVirtual().start(this::accept);
    }

    URI url() {
        return URI.create("https://127.0.0.1:" + listening.getLocalPort());
    }

    void cutAfter(long bytesToServer, long bytesToAgent) {
        mostToServer = bytesToServer;
        mostToAgent = bytesToAgent;
    }

    void cut() {
        cut = true;
        open.forEach(Relay::reset);
    }

    void mend() {
        mostToServer = Long.MAX_VALUE;
        mostToAgent = Long.MAX_VALUE;
        cut = false;
    }

    boolean isCut() {
        return cut;
    }

    long toServer() {
        return toServer.get();
    }

    long toAgent() {
        return toAgent.get();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket agent = listening.accept();
                open.add(agent);
                if (cut) {
                    reset(agent);
                    continue;
                }
                Socket upstream = new Socket(server.getHost(), server.getPort());
                open.add(upstream);
                Thread.ofVirtual().start(() -> copy(agent, upstream, toServer, true));
                Thread.ofVirtual().start(() -> copy(upstream, agent, toAgent, false));
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
                if (count.addAndGet(n) > (up ? mostToServer : mostToAgent)) {
                    cut();
                    return;
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
