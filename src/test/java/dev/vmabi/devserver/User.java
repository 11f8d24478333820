package dev.vmabi.devserver;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Who a request comes from, as admission reviews name him. */
public record User(String name, List<String> groups, SortedMap<String, List<String>> extra) {

    /** May do everything: a member of {@code system:masters}. */
    public static final User ADMIN = new User("admin", "system:masters");

    static final User ANONYMOUS = new User("system:anonymous", List.of("system:unauthenticated"), new TreeMap<>());

    public User {
        groups = List.copyOf(groups);
        extra = new TreeMap<>(extra);
    }

    /** A person with these groups ({@code system:authenticated} is added). */
    public User(String name, String... groups) {
        this(name, authenticated(List.of(groups)), new TreeMap<>());
    }

    public static User serviceAccount(String namespace, String name) {
        return new User(
                "system:serviceaccount:" + namespace + ":" + name,
                "system:serviceaccounts",
                "system:serviceaccounts:" + namespace);
    }

    /** The same service account with a token bound to a pod on {@code node} (as from Kubernetes 1.32). */
    public User onNode(String node) {
        return new User(name, groups, new TreeMap<>(Map.of("authentication.kubernetes.io/node-name", List.of(node))));
    }

    private static List<String> authenticated(List<String> groups) {
        List<String> all = new ArrayList<>(groups);
        all.add("system:authenticated");
        return all;
    }
}
