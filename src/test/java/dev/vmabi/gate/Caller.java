package dev.vmabi.gate;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Locale;

/**
 * One connection over HTTPS that is kept, on the caller's own thread: what a round trip takes is then the server's, and
 * not that of a client's threads that hand it on to each other.
 */
final class Caller implements AutoCloseable {
    private static final String LENGTH = "content-length:";

    private final Socket socket;
    private final InputStream in;

    Caller(List<X509Certificate> authorities, int port) throws IOException {
        socket = Https.context(authorities).getSocketFactory().createSocket("127.0.0.1", port);
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream());
    }

    /** A POST whose answer must be 200. */
    void post(String path, byte[] body) throws IOException {
        byte[] head = ("POST " + path + "?timeout=5s HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
                        + "Content-Length: " + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        byte[] request = new byte[head.length + body.length];
        System.arraycopy(head, 0, request, 0, head.length);
        System.arraycopy(body, 0, request, head.length, body.length);
        socket.getOutputStream().write(request);

        DataInputStream lines = new DataInputStream(in);
        String status = line(lines);
        if (!status.startsWith("HTTP/1.1 200 ")) {
            throw new IOException("a review was answered " + status);
        }
        int length = 0;
        for (String line = line(lines); !line.isEmpty(); line = line(lines)) {
            if (line.toLowerCase(Locale.ROOT).startsWith(LENGTH)) {
                length = Integer.parseInt(line.substring(LENGTH.length()).strip());
            }
        }
        lines.skipNBytes(length);
    }

    private static String line(DataInputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (byte b = in.readByte(); b != '\n'; b = in.readByte()) {
            if (b != '\r') {
                line.append((char) b);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
