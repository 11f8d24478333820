package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/** The end of an object: at once, or marked while something holds it. */
final class Deletion {
    private final Store store;
    private final Admission admission;

    Deletion(Store store, Admission admission) {
        this.store = store;
        this.admission = admission;
    }

    /**
     * Deletes, or marks for deletion while finalizers, contents or a grace period hold it.
     *
     * @param options a DeleteOptions object, possibly empty
     * @return the marked object, or a Status
     */
    ObjectNode delete(Call call, ObjectNode options) {
        while (true) {
            ObjectNode current = store.require(call);
            JsonNode preconditions = options.path("preconditions");
            for (String field : List.of("uid", "resourceVersion")) {
                if (preconditions.has(field) && !preconditions.get(field).equals(Json.at(current, "metadata", field))) {
                    throw ApiException.conflict(call.type(), call.name(), "Precondition failed: " + field + " differs");
                }
            }
            Admission.Attempt attempt = new Admission.Attempt(call, "DELETE", null, current);
            ObjectNode _ = admission.mutate(attempt, call.warnings()::add);
            admission.validate(attempt, call.warnings()::add);
            ObjectNode next = marked(call, current, options);
            if (call.dryRun() || next.equals(current)) {
                return next;
            }
            boolean held = !finalizers(next).isEmpty() || call.type().is("", "namespaces") || graceOf(next) > 0;
            ObjectNode stored = store.commit(call.key(), current, held ? next : null);
            if (stored != null) {
                return held || call.type().is("", "pods") ? stored : success(call, stored);
            }
        }
    }

    private static ObjectNode marked(Call call, ObjectNode current, ObjectNode options) {
        ObjectNode next = current.deepCopy();
        ObjectNode metadata = Json.metadata(next);
        boolean running = call.type().is("", "pods")
                && !Json.text(current, "spec", "nodeName").isEmpty()
                && !List.of("Succeeded", "Failed").contains(Json.text(current, "status", "phase"));
        int wanted = options.path("gracePeriodSeconds")
                .asInt(Json.at(current, "spec", "terminationGracePeriodSeconds").asInt(0));
        int grace = running ? wanted : 0;
        if (!metadata.has("deletionTimestamp")) {
            metadata.put("deletionTimestamp", Operations.now()).put("deletionGracePeriodSeconds", grace);
            if (metadata.has("generation")) {
                metadata.put("generation", metadata.get("generation").asInt() + 1);
            }
        } else if (grace < graceOf(next)) {
            metadata.put("deletionGracePeriodSeconds", grace);
        }
        String policy = Json.text(options, "propagationPolicy");
        String finalizer =
                policy.equals("Foreground") ? Collector.FOREGROUND : policy.equals("Orphan") ? Collector.ORPHAN : "";
        if (!finalizer.isEmpty() && !finalizers(next).contains(finalizer)) {
            metadata.withArrayProperty("finalizers").add(finalizer);
        }
        if (call.type().is("", "namespaces")) {
            next.withObjectProperty("status").put("phase", "Terminating");
        }
        return next;
    }

    static List<String> finalizers(JsonNode object) {
        List<String> finalizers = new ArrayList<>();
        Json.at(object, "metadata", "finalizers").forEach(finalizer -> finalizers.add(finalizer.asText()));
        return finalizers;
    }

    static int graceOf(JsonNode object) {
        return Json.at(object, "metadata", "deletionGracePeriodSeconds").asInt();
    }

    private static ObjectNode success(Call call, ObjectNode deleted) {
        ObjectNode status = Json.object().put("kind", "Status").put("apiVersion", "v1");
        status.putObject("metadata");
        status.put("status", "Success");
        status.putObject("details")
                .put("name", call.name())
                .put("group", call.type().group())
                .put("kind", call.type().plural())
                .put("uid", Json.text(deleted, "metadata", "uid"));
        return status;
    }
}
