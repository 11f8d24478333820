package dev.vmabi.devserver;

import java.util.List;
import java.util.Map;

/** Given to every request; {@code name} and {@code subresource} may be empty. */
record Call(
        User user,
        ResourceType type,
        String namespace,
        String name,
        String subresource,
        Map<String, String> query,
        String userAgent,
        List<String> warnings) {

    boolean dryRun() {
        return query.getOrDefault("dryRun", "").equals("All");
    }

    Store.Key key() {
        return new Store.Key(type.storedAs(), namespace, name);
    }

    Call named(String newName) {
        return new Call(user, type, namespace, newName, subresource, query, userAgent, warnings);
    }

    /** The same caller at another object, for what one request causes elsewhere. */
    Call at(ResourceType otherType, Store.Key key) {
        return new Call(user, otherType, key.namespace(), key.name(), "", Map.of(), userAgent, warnings);
    }

    FieldManagers.Manager manager(String operation) {
        String agent = userAgent.isEmpty() ? "unknown" : userAgent.split("[/ ]", 2)[0];
        return new FieldManagers.Manager(query.getOrDefault("fieldManager", agent), operation, subresource);
    }
}
