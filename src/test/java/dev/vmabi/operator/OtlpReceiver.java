package dev.vmabi.operator;

import com.google.protobuf.UnknownFieldSet;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** Takes traces by OTLP over HTTP, and reads of them what tests look at (opentelemetry-proto, trace/v1 and common/v1). */
final class OtlpReceiver implements AutoCloseable {

    /** @param events the texts of the attributes of each of its events, by the event's name */
    record Span(String service, String name, Map<String, String> attributes, Map<String, List<String>> events) {}

    private final HttpServer server;
    private final List<Span> spans = new CopyOnWriteArrayList<>();

    OtlpReceiver() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/v1/traces", exchange -> {
            try (exchange) {
                UnknownFieldSet request =
                        UnknownFieldSet.parseFrom(exchange.getRequestBody().readAllBytes());
                messages(request, 1).forEach(this::take);
                exchange.sendResponseHeaders(200, -1);
            }
        });
        server.start();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    List<Span> spans() {
        return List.copyOf(spans);
    }

    private void take(UnknownFieldSet ofResource) {
        String service = messages(ofResource, 1).stream()
                .map(resource -> attributes(resource, 1).getOrDefault("service.name", ""))
                .findFirst()
                .orElse("");
        for (UnknownFieldSet scope : messages(ofResource, 2)) {
            for (UnknownFieldSet span : messages(scope, 2)) {
                Map<String, List<String>> events = new HashMap<>();
                messages(span, 11)
                        .forEach(e -> events.computeIfAbsent(text(e, 2), n -> new ArrayList<>())
                                .addAll(attributes(e, 3).values()));
                spans.add(new Span(service, text(span, 5), attributes(span, 9), events));
            }
        }
    }

    private static Map<String, String> attributes(UnknownFieldSet of, int field) {
        Map<String, String> attributes = new HashMap<>();
        messages(of, field).forEach(a -> messages(a, 2).forEach(value -> attributes.put(text(a, 1), text(value, 1))));
        return attributes;
    }

    private static List<UnknownFieldSet> messages(UnknownFieldSet of, int field) {
        return of.getField(field).getLengthDelimitedList().stream()
                .map(bytes -> {
                    try {
                        return UnknownFieldSet.parseFrom(bytes);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .toList();
    }

    private static String text(UnknownFieldSet of, int field) {
        return of.getField(field).getLengthDelimitedList().stream()
                .map(b -> b.toStringUtf8())
                .findFirst()
                .orElse("");
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
