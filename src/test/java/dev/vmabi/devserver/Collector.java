package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * What follows from a deletion, as kube-controller-manager does it: dependents go with their last owner, contents with
 * their namespace, custom resources with their definition.
 */
final class Collector implements AutoCloseable {
    static final String FOREGROUND = "foregroundDeletion";
    static final String ORPHAN = "orphan";

    private static final User USER = User.serviceAccount("kube-system", "generic-garbage-collector");

    private final Store store;
    private final Resources resources;
    private final Operations operations;
    private final Deletion deletion;
    private final BlockingQueue<Store.Change> changes = new LinkedBlockingQueue<>();
    /** Objects by uid, and dependents by the uid of an owner: as far as changes have been seen. */
    private final Set<String> alive = new HashSet<>();

    private final Map<String, Set<Store.Key>> dependents = new HashMap<>();
    private final Thread thread;

    Collector(Store store, Resources resources, Operations operations, Deletion deletion) {
        this.store = store;
        this.resources = resources;
        this.operations = operations;
        this.deletion = deletion;
        store.onChange(changes::add);
        thread = Thread.ofVirtual().name("devserver-collector").start(this::run);
    }

    private void run() {
        try {
            while (true) {
                Store.Change change = changes.take();
                List<Store.Change> batch = new ArrayList<>(List.of(change));
                changes.drainTo(batch);
                batch.forEach(this::note);
                for (Store.Change one : batch) {
                    follow(one);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void note(Store.Change change) {
        String uid = Json.text(change.object(), "metadata", "uid");
        if (change.kind() == Store.Kind.DELETED) {
            alive.remove(uid);
        } else {
            alive.add(uid);
        }
        if (change.previous() != null) {
            owners(change.previous()).forEach(owner -> {
                Set<Store.Key> keys = dependents.getOrDefault(owner, Set.of());
                if (keys.remove(change.key()) && keys.isEmpty()) {
                    dependents.remove(owner);
                }
            });
        }
        if (change.kind() != Store.Kind.DELETED) {
            owners(change.object())
                    .forEach(owner -> dependents
                            .computeIfAbsent(owner, o -> new HashSet<>())
                            .add(change.key()));
        }
    }

    private static List<String> owners(ObjectNode object) {
        List<String> owners = new ArrayList<>();
        Json.at(object, "metadata", "ownerReferences").forEach(owner -> owners.add(Json.text(owner, "uid")));
        return owners;
    }

    private void follow(Store.Change change) {
        Store.Key key = change.key();
        ObjectNode object = change.object();
        String uid = Json.text(object, "metadata", "uid");
        boolean deleted = change.kind() == Store.Kind.DELETED;
        if (deleted) {
            dependentsOf(uid).forEach(this::collect);
            owners(object).forEach(this::finishForeground);
            finishNamespace(key.namespace());
            if (key.resource().equals(Resources.CRDS)) {
                Resources.versions(object).stream()
                        .findFirst()
                        .ifPresent(type -> store.list(type.groupResource(), "", 0)
                                .objects()
                                .forEach(instance -> drop(type, instance)));
            }
            return;
        }
        collect(key);
        if (object.path("metadata").has("deletionTimestamp")) {
            if (Deletion.finalizers(object).contains(FOREGROUND)) {
                dependentsOf(uid).forEach(this::delete);
                finishForeground(uid);
            }
            if (Deletion.finalizers(object).contains(ORPHAN)) {
                dependentsOf(uid).forEach(dependent -> removeOwner(dependent, uid));
                removeFinalizer(key, ORPHAN);
            }
            if (key.resource().equals("namespaces")) {
                store.everything().keySet().stream()
                        .filter(other -> other.namespace().equals(key.name()))
                        .forEach(this::delete);
                finishNamespace(key.name());
            }
        }
    }

    private List<Store.Key> dependentsOf(String uid) {
        return List.copyOf(dependents.getOrDefault(uid, Set.of()));
    }

    /** Deletes an object none of whose owners is left; otherwise strikes those that are gone from its owners. */
    private void collect(Store.Key key) {
        ObjectNode object = store.get(key);
        List<String> owners = object == null ? List.of() : owners(object);
        List<String> gone =
                owners.stream().filter(owner -> !alive.contains(owner)).toList();
        if (!gone.isEmpty() && gone.size() == owners.size()) {
            delete(key);
        } else {
            gone.forEach(owner -> removeOwner(key, owner));
        }
    }

    private void finishForeground(String owner) {
        boolean blocked = dependentsOf(owner).stream()
                .map(store::get)
                .anyMatch(object -> object != null && blocks(object, owner));
        if (!blocked) {
            store.everything().forEach((key, object) -> {
                if (Json.text(object, "metadata", "uid").equals(owner)
                        && Deletion.finalizers(object).contains(FOREGROUND)) {
                    removeFinalizer(key, FOREGROUND);
                }
            });
        }
    }

    private static boolean blocks(ObjectNode dependent, String owner) {
        for (JsonNode reference : Json.at(dependent, "metadata", "ownerReferences")) {
            if (Json.text(reference, "uid").equals(owner)
                    && reference.path("blockOwnerDeletion").asBoolean()) {
                return true;
            }
        }
        return false;
    }

    private void finishNamespace(String name) {
        Store.Key key = new Store.Key("namespaces", "", name);
        ObjectNode namespace = name.isEmpty() ? null : store.get(key);
        boolean terminating = namespace != null && namespace.path("metadata").has("deletionTimestamp");
        if (terminating
                && store.everything().keySet().stream()
                        .noneMatch(other -> other.namespace().equals(name))) {
            ObjectNode _ = store.commit(key, namespace, null);
        }
    }

    private void delete(Store.Key key) {
        change(key, call -> deletion.delete(call, Json.object().put("gracePeriodSeconds", 0)));
    }

    private void removeOwner(Store.Key key, String uid) {
        strike(key, "ownerReferences", owner -> Json.text(owner, "uid").equals(uid));
    }

    private void removeFinalizer(Store.Key key, String finalizer) {
        strike(key, "finalizers", present -> present.asText().equals(finalizer));
    }

    private void strike(Store.Key key, String list, Predicate<JsonNode> gone) {
        change(
                key,
                call -> operations.modify(call, call.manager("Update"), current -> {
                    ObjectNode next = current.deepCopy();
                    ArrayNode entries = Json.metadata(next).withArrayProperty(list);
                    entries.removeIf(gone);
                    if (entries.isEmpty()) {
                        Json.metadata(next).remove(list);
                    }
                    return next;
                }));
    }

    /** A webhook may refuse, the object may be gone: the next change looks at it again. */
    private void change(Store.Key key, Function<Call, ObjectNode> operation) {
        ResourceType type = resources.find(key.resource());
        if (type != null) {
            Call call = new Call(
                    USER, type, key.namespace(), key.name(), "", Map.of(), "garbage-collector", new ArrayList<>());
            try {
                ObjectNode _ = operation.apply(call);
            } catch (ApiException e) {
                System.getLogger("devserver").log(System.Logger.Level.DEBUG, "not collected: {0}", e.getMessage());
            }
        }
    }

    private void drop(ResourceType type, ObjectNode instance) {
        JsonNode metadata = instance.path("metadata");
        Store.Key key =
                new Store.Key(type.groupResource(), Json.text(metadata, "namespace"), Json.text(metadata, "name"));
        ObjectNode _ = store.commit(key, instance, null);
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
