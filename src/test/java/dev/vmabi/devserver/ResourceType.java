package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.List;
import java.util.Set;

/**
 * One served resource in one version.
 *
 * @param subresources such as {@code status}, {@code binding}
 * @param generation whether {@code metadata.generation} counts changes outside metadata and status
 * @param schema structural schema of a custom resource; missing for built-in ones
 * @param columns printer columns: objects with name, type, jsonPath, priority
 */
record ResourceType(
        String group,
        String version,
        String kind,
        String plural,
        boolean namespaced,
        List<String> shortNames,
        List<String> categories,
        Set<String> subresources,
        boolean generation,
        JsonNode schema,
        JsonNode columns,
        JsonNode selectableFields) {

    static ResourceType builtIn(
            String apiVersion,
            String kind,
            String plural,
            boolean namespaced,
            List<String> shortNames,
            Set<String> subresources,
            boolean generation,
            JsonNode columns) {
        int slash = apiVersion.indexOf('/');
        String group = slash < 0 ? "" : apiVersion.substring(0, slash);
        List<String> categories =
                Set.of("pods", "services", "deployments", "daemonsets", "replicasets", "statefulsets", "jobs")
                                .contains(plural)
                        ? List.of("all")
                        : List.of();
        return new ResourceType(
                group,
                apiVersion.substring(slash + 1),
                kind,
                plural,
                namespaced,
                shortNames,
                categories,
                subresources,
                generation,
                MissingNode.getInstance(),
                columns,
                MissingNode.getInstance());
    }

    String apiVersion() {
        return group.isEmpty() ? version : group + "/" + version;
    }

    String groupResource() {
        return group.isEmpty() ? plural : plural + "." + group;
    }

    /** Under which resource its objects are kept: events of both groups are the same objects. */
    String storedAs() {
        return is("events.k8s.io", "events") ? "events" : groupResource();
    }

    String singular() {
        return kind.toLowerCase(java.util.Locale.ROOT);
    }

    /** Whether status is written through its own subresource only. */
    boolean hasStatus() {
        return subresources.contains("status");
    }

    boolean custom() {
        return !schema.isMissingNode();
    }

    boolean is(String group, String plural) {
        return this.group.equals(group) && this.plural.equals(plural);
    }
}
