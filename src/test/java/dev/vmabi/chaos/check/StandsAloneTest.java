package dev.vmabi.chaos.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The checker is to find what the operator gets wrong, so it shares nothing with it but the algebra and the objects. */
class StandsAloneTest {
    private static final Set<String> MAY = Set.of("dev.vmabi.abi", "dev.vmabi.api", "dev.vmabi.chaos.check");

    @Test
    void theCheckerSharesNoCodeWithTheOperator() {
        JavaClasses checker = new ClassFileImporter()
                .withImportOption(location -> !location.contains("Test.class"))
                .importPackages("dev.vmabi.chaos.check");
        assertThat(checker.contain(Checker.class)).isTrue();
        assertThat(used(checker)).isSubsetOf(MAY);
    }

    @Test
    void aBreachWouldBeSeen() {
        JavaClasses gate = new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("dev.vmabi.gate");
        assertThat(used(gate)).contains("dev.vmabi.fleet");
    }

    private static Set<String> used(JavaClasses classes) {
        return classes.stream()
                .flatMap(c -> c.getDirectDependenciesFromSelf().stream())
                .map(d -> d.getTargetClass().getBaseComponentType().getPackageName())
                .filter(p -> p.startsWith("dev.vmabi"))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
