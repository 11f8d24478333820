package dev.vmabi.devserver;

import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * One watch: events as lines of JSON, until the client leaves, its time is up or the server closes it.
 *
 * @param render how the client wants to see an object
 * @param open whether the server still serves it
 */
record WatchStream(
        Store store, Call call, Predicate<JsonNode> selected, UnaryOperator<ObjectNode> render, BooleanSupplier open) {
    private static final long BOOKMARK_MILLIS = 5_000;
    private static final ObjectWriter ASCII = Json.MAPPER.writer().with(JsonWriteFeature.ESCAPE_NON_ASCII);

    /** The revision from which changes are told, after the present state where the client asked for it. */
    private record Start(long revision, Store.Listing present) {}

    void serve(OutputStream out) throws IOException, InterruptedException {
        boolean bookmarks = call.query().getOrDefault("allowWatchBookmarks", "").matches("true|1");
        Instant end = Instant.now()
                .plus(Duration.ofSeconds(Long.parseLong(call.query().getOrDefault("timeoutSeconds", "3000"))));
        try {
            Start start = start();
            long revision = start.revision();
            if (start.present() != null) {
                for (ObjectNode object : start.present().objects()) {
                    if (selected.test(object)) {
                        send(out, "ADDED", render.apply(object));
                    }
                }
                if (call.query().getOrDefault("sendInitialEvents", "").equals("true")) {
                    send(out, "BOOKMARK", bookmark(revision, true));
                }
            }
            out.flush();
            while (open.getAsBoolean() && Instant.now().isBefore(end)) {
                long wait = Math.min(
                        BOOKMARK_MILLIS, Duration.between(Instant.now(), end).toMillis());
                Store.Batch batch = store.changes(call.type().storedAs(), revision, Math.max(1, wait));
                for (Store.Change change : batch.changes()) {
                    tell(out, change);
                }
                if (bookmarks && batch.changes().isEmpty()) {
                    send(out, "BOOKMARK", bookmark(batch.revision(), false));
                }
                revision = batch.revision();
                out.flush();
            }
        } catch (ApiException e) {
            send(out, "ERROR", e.status());
            out.flush();
        }
    }

    private Start start() {
        String resource = call.type().storedAs();
        String version = call.query().getOrDefault("resourceVersion", "");
        if (version.isEmpty()
                || version.equals("0")
                || call.query().getOrDefault("sendInitialEvents", "").equals("true")) {
            Store.Listing listing = store.list(resource, call.namespace(), 0);
            return new Start(listing.revision(), listing);
        }
        long revision = Long.parseLong(version);
        store.checkResumable(resource, revision);
        return new Start(revision, null);
    }

    /** A change of an object that comes to match is an addition, of one that ceases to match a deletion. */
    private void tell(OutputStream out, Store.Change change) throws IOException {
        if (!call.namespace().isEmpty() && !call.namespace().equals(change.key().namespace())) {
            return;
        }
        boolean was = change.previous() != null && selected.test(change.previous());
        boolean is = change.kind() != Store.Kind.DELETED && selected.test(change.object());
        if (is) {
            send(out, was ? "MODIFIED" : "ADDED", render.apply(change.object()));
        } else if (was) {
            ObjectNode last = change.kind() == Store.Kind.DELETED
                    ? change.object()
                    : change.previous().deepCopy();
            Json.metadata(last).put("resourceVersion", Long.toString(change.revision()));
            send(out, "DELETED", render.apply(last));
        }
    }

    private ObjectNode bookmark(long revision, boolean initialEnd) {
        ObjectNode bookmark = Json.object()
                .put("kind", call.type().kind())
                .put("apiVersion", call.type().apiVersion());
        ObjectNode metadata = bookmark.putObject("metadata").put("resourceVersion", Long.toString(revision));
        metadata.putNull("creationTimestamp");
        if (initialEnd) {
            metadata.putObject("annotations").put("k8s.io/initial-events-end", "true");
        }
        return bookmark;
    }

    private static void send(OutputStream out, String type, ObjectNode object) throws IOException {
        ObjectNode event = Json.object().put("type", type);
        event.set("object", object);
        // Fabric8 7.6.1 takes what lies behind a decoded event for part of it where a character is longer than a byte.
        out.write(ASCII.writeValueAsBytes(event));
        out.write('\n');
    }
}
