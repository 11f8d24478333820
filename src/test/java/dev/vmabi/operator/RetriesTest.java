package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class RetriesTest {
    @Test
    void noControllerEverGivesUp() throws IOException {
        Properties settings = new Properties();
        try (InputStream in = RetriesTest.class.getResourceAsStream("/application.properties")) {
            settings.load(in);
        }
        List<String> controllers = new ClassFileImporter()
                        .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                        .importPackages("dev.vmabi.operator")
                        .stream()
                        .filter(c -> c.isAnnotatedWith(ControllerConfiguration.class))
                        .map((JavaClass c) -> c.getAnnotationOfType(ControllerConfiguration.class)
                                .name())
                        .toList();
        assertThat(controllers)
                .isNotEmpty()
                .allSatisfy(name -> assertThat(settings)
                        .containsEntry("quarkus.operator-sdk.controllers.\"" + name + "\".retry.max-attempts", "-1"));
    }
}
