package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.operator.node.KnownNodes;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.MaxReconciliationInterval;
import io.javaoperatorsdk.operator.processing.event.rate.RateLimited;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class ControllersTest {
    @Test
    void noControllerEverGivesUp() throws IOException {
        Properties settings = new Properties();
        try (InputStream in = ControllersTest.class.getResourceAsStream("/application.properties")) {
            settings.load(in);
        }
        assertThat(controllers())
                .isNotEmpty()
                .allSatisfy(c -> assertThat(settings)
                        .containsEntry(
                                "quarkus.operator-sdk.controllers.\"" + c.name() + "\".retry.max-attempts", "-1"));
    }

    /** The Operator SDK 5.3.2 keeps the timer of each reconciliation until its time has come: for ten hours, if not told. */
    @Test
    void noControllerKeepsTimersForLong() {
        assertThat(controllers()).isNotEmpty().allSatisfy(c -> {
            MaxReconciliationInterval longest = c.maxReconciliationInterval();
            assertThat(longest.timeUnit().toSeconds(longest.interval()))
                    .as(c.name())
                    .isBetween(1L, 600L);
        });
    }

    /** The Operator SDK 5.3.2 limits by the wall clock: set back, it would let nothing happen until the old time comes again. */
    @Test
    void noControllerIsLimitedByTheWallClock() {
        assertThat(classes()).isNotEmpty().noneMatch(c -> c.isAnnotatedWith(RateLimited.class));
    }

    /** The fleet cache watches the nodes; the Operator SDK's own watch is to select none. */
    @Test
    void nodesAreWatchedOnce() {
        assertThat(controllers())
                .filteredOn(c -> c.name().equals("node"))
                .singleElement()
                .satisfies(c -> assertThat(c.informer().labelSelector()).isEqualTo(KnownNodes.NONE));
    }

    /** What was deleted and made again between two lists comes as one update, of a generation that is not higher. */
    @Test
    void everyControllerTakesAnObjectThatWasMadeAgainForNew() {
        assertThat(controllers())
                .filteredOn(c -> !c.name().equals("node"))
                .hasSize(3)
                .allSatisfy(c -> {
                    assertThat(c.generationAwareEventProcessing()).as(c.name()).isFalse();
                    assertThat(c.informer().onUpdateFilter()).as(c.name()).isEqualTo(NewSpec.class);
                });
        NewSpec filter = new NewSpec();
        assertThat(filter.accept(object("a", 3), object("a", 3))).isFalse();
        assertThat(filter.accept(object("a", 4), object("a", 3))).isTrue();
        assertThat(filter.accept(object("b", 1), object("a", 3))).isTrue();
        assertThat(filter.accept(object("b", 1), object("a", 1))).isTrue();
    }

    private static VirtualMachineABI object(String uid, long generation) {
        VirtualMachineABI object = new VirtualMachineABI();
        object.setMetadata(
                new ObjectMetaBuilder().withUid(uid).withGeneration(generation).build());
        return object;
    }

    private static List<ControllerConfiguration> controllers() {
        return classes().stream()
                .map(c -> c.getAnnotationOfType(ControllerConfiguration.class))
                .toList();
    }

    private static List<JavaClass> classes() {
        return new ClassFileImporter()
                        .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                        .importPackages("dev.vmabi.operator")
                        .stream()
                        .filter(c -> c.isAnnotatedWith(ControllerConfiguration.class))
                        .toList();
    }
}
