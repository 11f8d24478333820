package dev.vmabi.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CrdsTest {
    private final Map<String, String> generated = generate();

    @Test
    void committedDefinitionsAreThoseOfTheCode() throws IOException {
        Map<String, String> committed = new TreeMap<>();
        try (Stream<Path> files = Files.list(Crds.DIRECTORY)) {
            for (Path file : files.toList()) {
                committed.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        assertThat(committed).as("run make crds").isEqualTo(generated);
    }

    @Test
    void everyFieldIsDescribed() throws IOException {
        List<String> bare = new ArrayList<>();
        for (String yaml : generated.values()) {
            JsonNode crd = new YAMLMapper().readTree(yaml);
            JsonNode schema = crd.at("/spec/versions/0/schema/openAPIV3Schema");
            collectUndescribed(crd.at("/spec/names/kind").asText(), schema, bare);
        }
        assertThat(bare).isEmpty();
    }

    private static void collectUndescribed(String path, JsonNode schema, List<String> bare) {
        schema.path("properties").properties().forEach(property -> {
            String here = path + "." + property.getKey();
            if (!property.getValue().hasNonNull("description")) {
                bare.add(here);
            }
            collectUndescribed(here, property.getValue(), bare);
        });
        if (schema.has("items")) {
            collectUndescribed(path + "[]", schema.get("items"), bare);
        }
        if (schema.path("additionalProperties").isObject()) {
            collectUndescribed(path + "{}", schema.get("additionalProperties"), bare);
        }
    }

    private static Map<String, String> generate() {
        try {
            return Crds.generate();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
