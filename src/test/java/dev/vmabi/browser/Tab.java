package dev.vmabi.browser;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** One page of the browser; remembers what it asked for and what it complained about. */
final class Tab implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final WebSocket socket;
    private final AtomicInteger last = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();
    private final List<URI> requests = new CopyOnWriteArrayList<>();

    Tab(HttpClient http, URI debugger) {
        socket = http.newWebSocketBuilder().buildAsync(debugger, new Ears()).join();
        for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
            JsonNode _ = call(domain + ".enable", Map.of());
        }
    }

    private final class Ears implements WebSocket.Listener {
        private final StringBuilder message = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence text, boolean ends) {
            message.append(text);
            if (ends) {
                heard(message.toString());
                message.setLength(0);
            }
            from.request(1);
            return null;
        }
    }

    private void heard(String text) {
        JsonNode message;
        try {
            message = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
        JsonNode what = message.path("params");
        if (message.has("id")) {
            waiting.remove(message.path("id").asInt()).complete(message);
            return;
        }
        switch (message.path("method").asText()) {
            case "Runtime.exceptionThrown" ->
                complaints.add(what.path("exceptionDetails")
                        .path("exception")
                        .path("description")
                        .asText());
            case "Runtime.consoleAPICalled" -> {
                if (List.of("error", "warning", "assert")
                        .contains(what.path("type").asText())) {
                    complaints.add(what.path("args").toString());
                }
            }
            case "Log.entryAdded" -> {
                if (!what.path("entry").path("level").asText().equals("verbose")) {
                    complaints.add(what.path("entry").path("text").asText() + " "
                            + what.path("entry").path("url").asText());
                }
            }
            case "Network.requestWillBeSent" -> {
                String url = what.path("request").path("url").asText();
                if (!url.startsWith("data:")) {
                    requests.add(URI.create(url));
                }
            }
            default -> {}
        }
    }

    /** Calls a method of the protocol; its answer's {@code result}. */
    JsonNode call(String method, Map<String, ?> parameters) {
        int id = last.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        waiting.put(id, answer);
        try {
            WebSocket _ = socket.sendText(
                            JSON.writeValueAsString(Map.of("id", id, "method", method, "params", parameters)), true)
                    .join();
            JsonNode message = answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (message.has("error")) {
                throw new IllegalStateException(method + ": " + message.path("error"));
            }
            return message.path("result");
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException(method + " was not answered: " + e.getMessage(), e);
        }
    }

    /** The value of an expression, which may be a promise. */
    JsonNode eval(String expression) {
        JsonNode answer =
                call("Runtime.evaluate", Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
        if (answer.has("exceptionDetails")) {
            throw new IllegalStateException(expression.lines().findFirst().orElse("") + ": "
                    + answer.path("exceptionDetails")
                            .path("exception")
                            .path("description")
                            .asText());
        }
        return answer.path("result").path("value");
    }

    String text(String selector) {
        return eval("document.querySelector(" + quoted(selector) + ")?.innerText ?? ''")
                .asText();
    }

    static String quoted(String text) {
        try {
            return JSON.writeValueAsString(text);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    void go(URI url) {
        JsonNode _ = call("Page.navigate", Map.of("url", url.toString()));
    }

    /** The width and height of the window in CSS pixels. */
    void size(int width, int height) {
        JsonNode _ = call(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    }

    void scheme(String lightOrDark) {
        JsonNode _ = call(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", lightOrDark))));
    }

    /** A key by its name ({@code Tab}, {@code Enter}, {@code /}), pressed and let go. */
    void press(String key) {
        Map<String, Integer> codes = Map.of("Tab", 9, "Enter", 13, "Escape", 27, "ArrowDown", 40);
        String text = key.length() == 1 ? key : key.equals("Enter") ? "\r" : "";
        JsonNode _ = call(
                "Input.dispatchKeyEvent",
                Map.of(
                        "type",
                        text.isEmpty() ? "rawKeyDown" : "keyDown",
                        "key",
                        key,
                        "text",
                        text,
                        "windowsVirtualKeyCode",
                        codes.getOrDefault(key, 0)));
        JsonNode _ = call(
                "Input.dispatchKeyEvent",
                Map.of("type", "keyUp", "key", key, "windowsVirtualKeyCode", codes.getOrDefault(key, 0)));
    }

    void type(String text) {
        JsonNode _ = call("Input.insertText", Map.of("text", text));
    }

    void picture(Path file) {
        JsonNode shot = call("Page.captureScreenshot", Map.of("format", "png", "optimizeForSpeed", false));
        try {
            Files.createDirectories(file.getParent());
            Path _ = Files.write(
                    file, Base64.getDecoder().decode(shot.path("data").asText()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Errors and warnings of the console so far. */
    List<String> complaints() {
        return List.copyOf(complaints);
    }

    /** Everything it asked any server for. */
    List<URI> requests() {
        return List.copyOf(requests);
    }

    @Override
    public void close() {
        socket.abort();
    }
}
