package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** The verbs: what happens to an object between the request and the store, in the order of the real server. */
final class Operations {
    enum PatchType {
        JSON,
        MERGE,
        STRATEGIC,
        APPLY
    }

    record Result(ObjectNode object, boolean created) {}

    private final Store store;
    private final Admission admission;

    Operations(Store store, Admission admission) {
        this.store = store;
        this.admission = admission;
    }

    /** A list object; {@code limit} and {@code continue} page through the state of one revision. */
    ObjectNode list(Call call, Predicate<JsonNode> selected) {
        long revision = 0;
        String start = "";
        if (call.query().containsKey("continue")) {
            JsonNode token =
                    Json.parse(Base64.getUrlDecoder().decode(call.query().get("continue")), "application/json");
            revision = token.path("rv").asLong();
            start = Json.text(token, "start");
        }
        Store.Listing listing = store.list(call.type().storedAs(), call.namespace(), revision);
        int limit = Integer.parseInt(call.query().getOrDefault("limit", "0"));
        ObjectNode list = Json.object().put("kind", call.type().kind() + "List");
        list.put("apiVersion", call.type().apiVersion());
        ObjectNode metadata = list.putObject("metadata").put("resourceVersion", Long.toString(listing.revision()));
        ArrayNode items = list.putArray("items");
        int remaining = 0;
        for (ObjectNode object : listing.objects()) {
            String path = Json.text(object, "metadata", "namespace") + "/" + Json.text(object, "metadata", "name");
            if (path.compareTo(start) < 0 || !selected.test(object)) {
                continue;
            }
            if (limit == 0 || items.size() < limit) {
                items.add(object);
            } else if (remaining++ == 0) {
                ObjectNode token = Json.object().put("rv", listing.revision()).put("start", path);
                metadata.put("continue", Base64.getUrlEncoder().encodeToString(Json.bytes(token)));
            }
        }
        if (remaining > 0) {
            metadata.put("remainingItemCount", remaining);
        }
        return list;
    }

    ObjectNode create(Call call, ObjectNode body) {
        if (call.type().kind().endsWith("Review")) {
            return BuiltIns.answer(call, body);
        }
        ObjectNode object = body.deepCopy();
        ObjectNode metadata = Json.metadata(object);
        if (!Json.text(metadata, "resourceVersion").isEmpty()) {
            throw ApiException.badRequest("resourceVersion should not be set on objects to be created");
        }
        if (!metadata.has("name") && metadata.has("generateName")) {
            String suffix = Integer.toString(
                    ThreadLocalRandom.current().nextInt(36 * 36 * 36 * 36, 36 * 36 * 36 * 36 * 35), 36);
            metadata.put("name", Json.text(metadata, "generateName") + suffix.substring(0, 5));
        }
        Call named = call.named(Json.text(metadata, "name"));
        checkIdentity(named, object);
        stampNew(named, object);
        conform(named, object, true);
        FieldManagers.update(null, object, call.type(), call.manager("Update"));
        return insert(named, object);
    }

    /** Brings a new object, managed fields included, past admission and validation into the store. */
    private ObjectNode insert(Call call, ObjectNode object) {
        checkNamespace(call);
        Admission.Attempt attempt = new Admission.Attempt(call, "CREATE", object, null);
        ObjectNode admitted = admission.mutate(attempt, call.warnings()::add);
        conform(call, admitted, false);
        validate(call, admitted, null);
        admission.validate(new Admission.Attempt(call, "CREATE", admitted, null), call.warnings()::add);
        if (store.get(call.key()) != null) {
            throw ApiException.exists(call.type(), call.name());
        }
        if (call.dryRun()) {
            return admitted;
        }
        ObjectNode stored = store.commit(call.key(), null, admitted);
        if (stored == null) {
            throw ApiException.exists(call.type(), call.name());
        }
        return stored;
    }

    private static void stampNew(Call call, ObjectNode object) {
        ObjectNode metadata = Json.metadata(object);
        metadata.remove(List.of("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"));
        metadata.put("uid", UUID.randomUUID().toString()).put("creationTimestamp", now());
        if (call.type().namespaced()) {
            metadata.put("namespace", call.namespace());
        }
        if (call.type().generation()) {
            metadata.put("generation", 1);
        }
        if (call.type().hasStatus()) {
            object.remove("status");
        }
    }

    private void checkNamespace(Call call) {
        if (call.type().namespaced()) {
            Store.Key key = new Store.Key("namespaces", "", call.namespace());
            ObjectNode namespace = store.get(key);
            if (namespace == null) {
                throw new ApiException(404, "NotFound", "namespaces \"" + call.namespace() + "\" not found");
            }
            if (namespace.path("metadata").has("deletionTimestamp")) {
                String why = "unable to create new content in namespace " + call.namespace()
                        + " because it is being terminated";
                throw ApiException.forbidden(call.type(), call.name(), why);
            }
        }
    }

    ObjectNode replace(Call call, ObjectNode body) {
        boolean unconditional = Json.text(body, "metadata", "resourceVersion").isEmpty();
        if (unconditional
                && (call.type().custom() || call.type().groupResource().equals(Resources.CRDS))) {
            throw ApiException.invalid(
                    call.type(),
                    call.name(),
                    List.of(new ApiException.Cause(
                            "FieldValueInvalid",
                            "Invalid value: 0x0: must be specified for an update",
                            "metadata.resourceVersion")));
        }
        return modify(call, call.manager("Update"), current -> body.deepCopy());
    }

    Result patch(Call call, PatchType patchType, JsonNode patch) {
        if (patchType == PatchType.APPLY) {
            return apply(call, patch);
        }
        if (patchType == PatchType.STRATEGIC && call.type().custom()) {
            throw new ApiException(
                    415,
                    "UnsupportedMediaType",
                    "the body of the request was in an unknown format - accepted media types include:"
                            + " application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
        }
        Shape shape = Shape.of(call.type());
        ObjectNode patched = modify(call, call.manager("Update"), current -> {
            JsonNode result = switch (patchType) {
                case JSON -> Patches.json(current, patch);
                case MERGE -> Patches.merge(current, patch);
                default -> Patches.strategic(current, patch, shape);
            };
            return Json.asObject(result).orElseThrow(() -> ApiException.badRequest("the patch leaves no object"));
        });
        return new Result(patched, false);
    }

    private Result apply(Call call, JsonNode patch) {
        if (!call.query().containsKey("fieldManager")) {
            throw new ApiException(
                    422,
                    "Invalid",
                    "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
        }
        ObjectNode config = Json.asObject(patch)
                .orElseThrow(() -> ApiException.badRequest("no object to apply"))
                .deepCopy();
        if (!Json.at(config, "metadata", "managedFields").isEmpty()) {
            throw ApiException.badRequest("metadata.managedFields must be nil");
        }
        if (config.path("apiVersion").isMissingNode() || config.path("kind").isMissingNode()) {
            throw ApiException.badRequest("Object 'Kind' is missing");
        }
        if (call.type().custom()) {
            reportUnknown(call, Schema.prune(config, call.type().schema()));
        }
        if (call.subresource().equals("status")) {
            config.retain("apiVersion", "kind", "metadata", "status");
        } else if (call.type().hasStatus()) {
            config.remove("status");
        }
        boolean force = call.query().getOrDefault("force", "").equals("true");
        FieldManagers.Manager manager = call.manager("Apply");
        if (store.get(call.key()) == null && call.subresource().isEmpty()) {
            if (!Json.text(config, "metadata", "resourceVersion").isEmpty()) {
                throw ApiException.modified(call.type(), call.name());
            }
            Json.metadata(config).put("name", call.name());
            checkIdentity(call, config);
            stampNew(call, config);
            ObjectNode object = FieldManagers.apply(null, config, call.type(), manager, force);
            conform(call, object, false);
            return new Result(insert(call, object), true);
        }
        ObjectNode applied =
                modify(call, null, current -> FieldManagers.apply(current, config, call.type(), manager, force));
        return new Result(applied, false);
    }

    /**
     * Changes an existing object, once more if somebody else was faster, unless the change itself names the resource
     * version it is for.
     *
     * @param updater who to record as owner of the changed fields; null if {@code change} has already done so
     */
    ObjectNode modify(Call call, FieldManagers.Manager updater, UnaryOperator<ObjectNode> change) {
        while (true) {
            ObjectNode stored = store.require(call);
            ObjectNode current = Versions.convert(stored, call.type().apiVersion());
            ObjectNode next = change.apply(current);
            checkIdentity(call, next);
            String expected = Json.text(next, "metadata", "resourceVersion");
            String uid = Json.text(next, "metadata", "uid");
            if (!expected.isEmpty() && !expected.equals(Json.text(current, "metadata", "resourceVersion"))) {
                throw ApiException.modified(call.type(), call.name());
            }
            if (!uid.isEmpty() && !uid.equals(Json.text(current, "metadata", "uid"))) {
                String why = "Precondition failed: UID in precondition: " + uid + ", UID in object meta: "
                        + Json.text(current, "metadata", "uid");
                throw ApiException.conflict(call.type(), call.name(), why);
            }
            next = restrict(call, next, current);
            conform(call, next, updater != null);
            if (updater != null) {
                FieldManagers.update(current, next, call.type(), updater);
            }
            next = restrict(call, admission.mutate(attempt(call, next, current), call.warnings()::add), current);
            conform(call, next, false);
            countGeneration(call.type(), next, current);
            validate(call, next, current);
            admission.validate(attempt(call, next, current), call.warnings()::add);
            if (next.equals(current) || call.dryRun()) {
                return next;
            }
            boolean deleted = Json.metadata(next).has("deletionTimestamp")
                    && Deletion.finalizers(next).isEmpty()
                    && !call.type().is("", "namespaces")
                    && Deletion.graceOf(next) == 0;
            ObjectNode written = store.commit(call.key(), stored, deleted ? null : next);
            if (written != null) {
                return written;
            }
        }
    }

    private static Admission.Attempt attempt(Call call, ObjectNode next, ObjectNode current) {
        return new Admission.Attempt(call, "UPDATE", next, current);
    }

    /** Keeps what this endpoint may not touch: the server's own metadata, and the other side of the status split. */
    private static ObjectNode restrict(Call call, ObjectNode next, ObjectNode current) {
        ObjectNode result = next;
        if (call.subresource().equals("status")) {
            result = current.deepCopy();
            copy("status", next, result);
            JsonNode managed = Json.at(next, "metadata", "managedFields");
            if (!call.type().custom()) {
                result.set("metadata", next.path("metadata").deepCopy());
            } else if (!managed.isMissingNode()) {
                Json.metadata(result).set("managedFields", managed);
            }
        } else if (call.type().hasStatus()) {
            copy("status", current, result);
        }
        ObjectNode metadata = Json.metadata(result);
        for (String field : List.of(
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "generation",
                "deletionTimestamp",
                "deletionGracePeriodSeconds")) {
            copy(field, current.path("metadata"), metadata);
        }
        return result;
    }

    private static void copy(String field, JsonNode from, ObjectNode to) {
        if (from.has(field)) {
            to.set(field, from.get(field).deepCopy());
        } else {
            to.remove(field);
        }
    }

    private static void countGeneration(ResourceType type, ObjectNode next, ObjectNode current) {
        if (type.generation()) {
            ObjectNode before = current.deepCopy();
            ObjectNode after = next.deepCopy();
            List<String> ignored = type.hasStatus() ? List.of("metadata", "status") : List.of("metadata");
            before.remove(ignored);
            after.remove(ignored);
            if (!before.equals(after)) {
                Json.metadata(next)
                        .put(
                                "generation",
                                Json.at(current, "metadata", "generation").asInt() + 1);
            }
        }
    }

    private static void checkIdentity(Call call, ObjectNode object) {
        ResourceType type = call.type();
        String kind = Json.text(object, "kind");
        String apiVersion = Json.text(object, "apiVersion");
        if ((!kind.isEmpty() && !kind.equals(type.kind()))
                || (!apiVersion.isEmpty() && !apiVersion.equals(type.apiVersion()))) {
            throw ApiException.badRequest(apiVersion + ", Kind=" + kind + " in the body does not match "
                    + type.apiVersion() + ", Kind=" + type.kind() + " of the URL");
        }
        object.put("apiVersion", type.apiVersion()).put("kind", type.kind());
        ObjectNode metadata = Json.metadata(object);
        String namespace = metadata.path("namespace").asText(call.namespace());
        if (type.namespaced() && !namespace.equals(call.namespace())) {
            throw ApiException.badRequest(
                    "the namespace of the provided object does not match the namespace sent on the request");
        }
        String name = metadata.path("name").asText(call.name());
        if (!name.equals(call.name())) {
            throw ApiException.badRequest(
                    "the name of the object (" + name + ") does not match the name on the URL (" + call.name() + ")");
        }
        if (name.isEmpty()) {
            throw ApiException.invalid(
                    type,
                    "",
                    List.of(new ApiException.Cause(
                            "FieldValueRequired",
                            "Required value: name or generateName is required",
                            "metadata.name")));
        }
        metadata.put("name", name);
    }

    /** Defaults and pruning. */
    private static void conform(Call call, ObjectNode object, boolean report) {
        if (!call.type().custom()) {
            BuiltIns.applyDefaults(call.type(), object);
            return;
        }
        List<String> unknown = Schema.prune(object, call.type().schema());
        if (report) {
            reportUnknown(call, unknown);
        }
        Schema.applyDefaults(object, call.type().schema());
    }

    private static void reportUnknown(Call call, List<String> unknown) {
        String wanted = call.query().getOrDefault("fieldValidation", "Warn");
        List<String> messages =
                unknown.stream().map(path -> "unknown field \"" + path + "\"").toList();
        if (wanted.equals("Strict") && !unknown.isEmpty()) {
            throw ApiException.badRequest(
                    call.type().kind() + " in version \"" + call.type().version()
                            + "\" cannot be handled as a " + call.type().kind() + ": strict decoding error: "
                            + String.join(", ", messages));
        }
        if (wanted.equals("Warn")) {
            call.warnings().addAll(messages);
        }
    }

    private static void validate(Call call, ObjectNode next, ObjectNode current) {
        List<ApiException.Cause> causes = new ArrayList<>(BuiltIns.validate(call.type(), next, current));
        if (call.type().custom()) {
            causes.addAll(Schema.validate(next, current, call.type().schema()));
        }
        if (!causes.isEmpty()) {
            throw ApiException.invalid(call.type(), call.name(), causes);
        }
    }

    static String now() {
        return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
