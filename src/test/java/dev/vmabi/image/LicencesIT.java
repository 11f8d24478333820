package dev.vmabi.image;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the product ships of others, and on which terms; docs/reference/dependencies.md lists it. */
class LicencesIT {
    private static final Path LIST = Path.of("docs/reference/dependencies.md");

    /** Terms that let the product be given on under Apache-2.0; of several, one is enough. */
    private static final Set<String> ALLOWED = Set.of(
            "Apache-2.0",
            "Apache 2 License",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "Bouncy Castle Licence",
            "CC0-1.0",
            "EPL-1.0",
            "EPL-2.0",
            "MIT",
            "MIT-0",
            "Public Domain");

    @Test
    void everyJarThatShipsIsKnownAndOnAllowedTerms() throws IOException {
        Map<String, String> shipped = new TreeMap<>();
        BillOfMaterials build = BillOfMaterials.ofTheBuild();
        Set<String> refused = new TreeSet<>();
        for (Path jar : jars()) {
            JsonNode component = build.component(jar);
            Set<String> terms = terms(component);
            String name = component.path("group").asText() + ":"
                    + component.path("name").asText();
            if (terms.stream().noneMatch(ALLOWED::contains)) {
                refused.add(name + " " + terms);
            }
            shipped.put(
                    name,
                    "| " + name + " | " + component.path("version").asText() + " | " + String.join(" or ", terms)
                            + " |");
        }
        assertThat(refused).as("on terms that are not known, or not allowed").isEmpty();
        assertThat(rows()).as(LIST + " is not what ships").containsExactlyElementsOf(shipped.values());
    }

    private static List<Path> jars() {
        return Stream.of("target/quarkus-app/lib", "target/agent")
                .flatMap(LicencesIT::files)
                .filter(f -> f.toString().endsWith(".jar"))
                .filter(f -> !f.getFileName().toString().equals("vmabi-agent.jar"))
                .toList();
    }

    private static Stream<Path> files(String directory) {
        try (Stream<Path> files = Files.walk(Path.of(directory))) {
            return files.toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<String> terms(JsonNode component) {
        Set<String> terms = new TreeSet<>();
        for (JsonNode choice : component.path("licenses")) {
            JsonNode licence = choice.path("license");
            terms.add(Stream.of(licence.path("id"), licence.path("name"), choice.path("expression"))
                    .map(JsonNode::asText)
                    .filter(t -> !t.isEmpty())
                    .findFirst()
                    .orElse("?"));
        }
        return terms;
    }

    private static List<String> rows() throws IOException {
        return Files.readAllLines(LIST).stream()
                .filter(l -> l.startsWith("| ") && l.contains(":"))
                .toList();
    }
}
