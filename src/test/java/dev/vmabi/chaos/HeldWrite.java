package dev.vmabi.chaos;

import com.sun.net.httpserver.HttpExchange;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The first write to a path: it has left its sender, and arrives once it is let go. */
final class HeldWrite {
    private final String path;
    private final CompletableFuture<HttpExchange> left = new CompletableFuture<>();
    private final CompletableFuture<Void> letGo = new CompletableFuture<>();
    private final CompletableFuture<Integer> answer = new CompletableFuture<>();

    /** @param path as {@link java.net.URI#getPath} has it */
    HeldWrite(String path) {
        this.path = path;
    }

    /** Returns once the request may go on: at once unless it is this one. */
    void sent(HttpExchange request) {
        boolean write = !request.getRequestMethod().equals("GET");
        if (write && path.equals(request.getRequestURI().getPath()) && left.complete(request)) {
            letGo.join();
        }
    }

    /** Notes with which code the server answered, if the request is this one. */
    void answered(HttpExchange request, int code) {
        if (request.equals(left.getNow(null))) {
            answer.complete(code);
        }
    }

    /** Waits until its sender has sent it. */
    void awaitLeft(Duration patience) {
        left.orTimeout(patience.toSeconds(), TimeUnit.SECONDS).join();
    }

    /** Lets it arrive. Returns with which code the server answered. */
    int letGo(Duration patience) {
        letGo.complete(null);
        return answer.orTimeout(patience.toSeconds(), TimeUnit.SECONDS).join();
    }
}
