package dev.vmabi.chart;

import dev.vmabi.devserver.Access;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.Role;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What roles allow, taken apart: one right is one verb on one resource. Names of objects are left out. */
record Rbac(String user, Set<String> rights) {

    /** The rights of every role and cluster role of that name. */
    static Rbac of(String user, String role, Collection<HasMetadata> objects) {
        Set<String> rights = new TreeSet<>();
        objects.stream()
                .filter(o -> o.getMetadata().getName().equals(role))
                .flatMap(Rbac::rules)
                .forEach(rule -> rule.getVerbs()
                        .forEach(verb -> rule.getApiGroups()
                                .forEach(group -> rule.getResources()
                                        .forEach(resource -> rights.add(right(verb, group, resource))))));
        return new Rbac(user, rights);
    }

    /** What the user did; everybody may ask what he may do himself. */
    Set<String> used(Set<Access> accesses) {
        Set<String> used = new TreeSet<>();
        accesses.stream()
                .filter(a -> a.user().equals(user))
                .filter(a -> !a.group().equals("authorization.k8s.io"))
                .forEach(a -> used.add(right(a.verb(), a.group(), a.resource())));
        return used;
    }

    private static String right(String verb, String group, String resource) {
        return verb + " " + (group.isEmpty() ? "" : group + "/") + resource;
    }

    private static Stream<PolicyRule> rules(HasMetadata object) {
        List<PolicyRule> rules = switch (object) {
            case ClusterRole role -> role.getRules();
            case Role role -> role.getRules();
            default -> List.of();
        };
        return rules.stream();
    }
}
