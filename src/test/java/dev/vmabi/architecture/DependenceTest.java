package dev.vmabi.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Which package may use which: docs and reviews cannot hold a line that the build does not. */
class DependenceTest {
    private static final String PRODUCT = "dev.vmabi";
    private static final String BROKEN = "dev.vmabi.architecture.broken";

    /** What a package may use: packages of the product, and what of others; null for anything. */
    private record May(Set<String> own, List<String> others) {}

    private static final Map<String, May> RULES = Map.of(
            "abi", new May(Set.of(), List.of("java.")),
            "kvm", new May(Set.of("abi"), List.of("java.")),
            "api", new May(Set.of("abi"), List.of("java.", "com.fasterxml.jackson.", "io.fabric8.")),
            "agent",
                    new May(
                            Set.of("abi", "kvm", "api"),
                            List.of("java.", "javax.net.ssl.", "com.sun.net.httpserver.", "com.fasterxml.jackson.")),
            "fleet", new May(Set.of("abi", "api"), List.of("java.", "io.fabric8.kubernetes.api.model.")),
            "operator", new May(Set.of("abi", "api", "fleet"), null),
            "gate", new May(Set.of("abi", "api", "fleet"), null),
            "web", new May(Set.of("abi", "api", "fleet"), null),
            "cli",
                    new May(
                            Set.of("abi", "kvm", "api", "fleet"),
                            List.of(
                                    "java.",
                                    "com.fasterxml.jackson.",
                                    "picocli.",
                                    "io.fabric8.kubernetes.",
                                    "org.apache.commons.compress.archivers.tar.")));

    private static final JavaClasses SHIPPED = new ClassFileImporter().importPath(Path.of("target/classes"));

    @Test
    void everyPackageUsesOnlyWhatItMay() {
        assertThat(SHIPPED.size()).as("classes in target/classes").isGreaterThan(100);
        assertThat(violations(SHIPPED, PRODUCT)).isEmpty();
    }

    @Test
    void theAgentRunsWithoutFabric8AndQuarkus() {
        assertThat(reached(SHIPPED, PRODUCT + ".agent")).contains(PRODUCT + ".kvm.Probe", PRODUCT + ".abi.GuestAbi");
        assertThat(frameworks(SHIPPED, PRODUCT + ".agent")).isEmpty();
    }

    @Test
    void breachesAreFound() {
        JavaClasses broken = new ClassFileImporter().importPackages(BROKEN);
        assertThat(violations(broken, BROKEN))
                .containsExactlyInAnyOrder(
                        "abi.UsesFabric8 uses io.fabric8.kubernetes.api.model.Node, which abi may not",
                        "fleet.UsesAgent uses agent.ReadsFabric8Model, which fleet may not",
                        "stray.Stray is in no package of the design");
        assertThat(frameworks(broken, BROKEN + ".agent"))
                .containsExactly("api.KeepsNode -> io.fabric8.kubernetes.api.model.Node");
    }

    private static SortedSet<String> violations(JavaClasses classes, String root) {
        SortedSet<String> found = new TreeSet<>();
        for (JavaClass one : classes) {
            May may = RULES.get(layer(one, root));
            if (may == null) {
                found.add(shortName(one, root) + " is in no package of the design");
                continue;
            }
            for (Dependency dependency : one.getDirectDependenciesFromSelf()) {
                JavaClass target = dependency.getTargetClass().getBaseComponentType();
                boolean own = target.getName().startsWith(root + ".");
                boolean allowed = own
                        ? layer(target, root).equals(layer(one, root))
                                || may.own().contains(layer(target, root))
                        : may.others() == null
                                || target.isPrimitive()
                                || may.others().stream().anyMatch(target.getName()::startsWith);
                if (!allowed) {
                    found.add(shortName(one, root) + " uses " + shortName(target, root) + ", which " + layer(one, root)
                            + " may not");
                }
            }
        }
        return found;
    }

    /** Uses of a framework in any class that code of the package can reach; annotations may be missing at run time. */
    private static SortedSet<String> frameworks(JavaClasses classes, String from) {
        String root = from.substring(0, from.lastIndexOf('.'));
        Set<String> reached = reached(classes, from);
        return classes.stream()
                .filter(c -> reached.contains(c.getName()))
                .flatMap(c -> uses(c).stream()
                        .filter(u -> u.getName().startsWith("io.fabric8.")
                                || u.getName().startsWith("io.quarkus.")
                                || u.getName().startsWith("jakarta."))
                        .map(u -> shortName(c, root) + " -> " + u.getName()))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> reached(JavaClasses classes, String from) {
        Set<String> reached = new LinkedHashSet<>();
        Deque<JavaClass> open = new ArrayDeque<>();
        classes.stream().filter(c -> c.getPackageName().equals(from)).forEach(open::add);
        while (!open.isEmpty()) {
            JavaClass next = open.remove();
            if (reached.add(next.getName())) {
                uses(next).stream()
                        .filter(u -> classes.contain(u.getName()))
                        .map(u -> classes.get(u.getName()))
                        .forEach(open::add);
            }
        }
        return reached;
    }

    private static List<JavaClass> uses(JavaClass one) {
        return one.getDirectDependenciesFromSelf().stream()
                .map(d -> d.getTargetClass().getBaseComponentType())
                .filter(t -> !t.isAnnotation())
                .toList();
    }

    private static String layer(JavaClass one, String root) {
        return Optional.of(one.getPackageName())
                .filter(p -> p.startsWith(root + "."))
                .map(p -> p.substring(root.length() + 1).split("\\.", 2)[0])
                .orElse("");
    }

    private static String shortName(JavaClass one, String root) {
        return one.getName().startsWith(root + ".") ? one.getName().substring(root.length() + 1) : one.getName();
    }
}
