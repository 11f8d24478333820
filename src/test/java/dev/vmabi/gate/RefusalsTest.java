package dev.vmabi.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.StringEntry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The texts that docs/reference/refusals.md lists, and those with which requests are answered. */
class RefusalsTest {
    private static final Pattern ROW = Pattern.compile("\\| `(.*?)` \\| ?(.*?) \\| ?(.*?) ?\\|");
    private static final Pattern CONSTANT = Pattern.compile("'([^']+)'");

    private static final ObjectMapper YAML = new YAMLMapper();

    /** What differs from one text to the next, and the words between two texts that are put together. */
    private static final String BETWEEN =
            "\\b(?:N|VM|DIGEST|NODES?|NAMES?|WHY|TEXT|POLICY|REGISTER|STATE)\\b|[:;] |, \\.\\.\\.|would be|held to nodes with|(?=may not write)";

    /** Whose texts reach those who ask. */
    private static final List<String> SPEAKERS = List.of(
            "gate/Denials",
            "gate/Gate",
            "gate/Decision$Audited",
            "gate/Steering",
            "fleet/Imposition",
            "fleet/Destinations",
            "fleet/Fleet",
            "fleet/Reasons",
            "fleet/PolicyPreview",
            "abi/Refusal",
            "abi/Refusal$BitmapBitUnknown",
            "abi/Refusal$ClampNotHonoured",
            "abi/Refusal$FieldFixed",
            "abi/Refusal$ImplementationIdDiffers",
            "abi/Refusal$RegisterList",
            "abi/Refusal$RegisterMissing",
            "abi/Refusal$ValueAbove",
            "abi/Refusal$VcpuFeatureMissing",
            "abi/Refusal$VectorLengthMissing",
            "abi/Refusal$VgicRevisionAbove");

    /** Phrases that are taken out of texts. */
    private static final Set<String> UNSAID = Set.of("exceeded quota", "violates PodSecurity");

    private record Row(String text, String cause, String cure) {}

    private static List<Row> page;
    private static String listed;
    private static List<String> said;
    private static Set<String> definitions;
    private static Set<String> rules;

    @BeforeAll
    static void read() throws IOException {
        page = Files.readAllLines(Path.of("docs/reference/refusals.md")).stream()
                .map(ROW::matcher)
                .filter(Matcher::matches)
                .map(m -> new Row(m.group(1), m.group(2), m.group(3)))
                .toList();
        listed = page.stream().map(Row::text).collect(Collectors.joining("\n"));
        said = SPEAKERS.stream().flatMap(RefusalsTest::constants).toList();
        definitions = definitions();
        rules = rules();
    }

    /** The texts of a class as the compiler keeps them, with one character for each part that differs. */
    private static Stream<String> constants(String speaker) {
        try (InputStream in = RefusalsTest.class.getResourceAsStream("/dev/vmabi/" + speaker + ".class")) {
            List<String> constants = new ArrayList<>();
            for (PoolEntry entry : ClassFile.of().parse(in.readAllBytes()).constantPool()) {
                if (entry instanceof StringEntry text) {
                    constants.add(text.stringValue());
                }
            }
            return constants.stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The messages of the rules in crds/. */
    private static Set<String> definitions() throws IOException {
        Set<String> messages = new TreeSet<>();
        try (Stream<Path> files = Files.list(Path.of("crds"))) {
            for (Path file : files.toList()) {
                YAML.readTree(file.toFile())
                        .findValues("x-kubernetes-validations")
                        .forEach(of -> of.forEach(
                                rule -> messages.add(rule.path("message").asText())));
            }
        }
        return messages;
    }

    /** What the ValidatingAdmissionPolicies say; of a text that they compute its constant parts. */
    private static Set<String> rules() throws IOException {
        Set<String> messages = new TreeSet<>();
        try (InputStream in = Gate.class.getResourceAsStream("policies.yaml")) {
            for (Object document : YAML.readerFor(JsonNode.class).readValues(in).readAll()) {
                for (JsonNode rule : ((JsonNode) document).at("/spec/validations")) {
                    rule.path("message").asText().lines().forEach(messages::add);
                    CONSTANT.matcher(rule.path("messageExpression").asText())
                            .results()
                            .map(MatchResult::group)
                            .forEach(part -> messages.add(part.replace("'", "").strip()));
                }
            }
        }
        return messages;
    }

    /** Those parts of a text that are words enough to be looked for. */
    private static Stream<String> words(String text, String between) {
        return Arrays.stream(text.split(between, -1))
                .map(part -> part.replaceAll("^[\\s:;,(]+|[\\s:;,(]+$", ""))
                .filter(part -> part.contains(" ") || part.length() > 6);
    }

    @Test
    void everyTextThatIsSaidIsListed() {
        assertThat(said.stream()
                        .filter(t -> t.strip().contains(" ") && !UNSAID.contains(t))
                        .flatMap(t -> words(t, "[\u0001\n]|, \\.\\.\\."))
                        .filter(words -> !listed.contains(words)))
                .isEmpty();
        assertThat(said).hasSizeGreaterThan(50);
    }

    @Test
    void everyListedTextIsSaid() {
        String all = Stream.of(said.stream(), constants("fleet/Standing"), definitions.stream(), rules.stream())
                .flatMap(texts -> texts)
                .collect(Collectors.joining("\n"));
        assertThat(page.stream().flatMap(row -> words(row.text(), BETWEEN)).filter(words -> !all.contains(words)))
                .isEmpty();
        assertThat(page).hasSizeGreaterThan(60);
    }

    @Test
    void everyRuleOfTheDefinitionsAndOfTheApiServerIsListed() {
        assertThat(page).extracting(Row::text).containsAll(definitions);
        assertThat(rules).allSatisfy(part -> assertThat(listed).contains(part));
        assertThat(definitions).hasSizeGreaterThanOrEqualTo(5);
        assertThat(rules).hasSizeGreaterThanOrEqualTo(5);
    }

    @Test
    void whatIsDeniedHasACauseAndACure() {
        List<Row> denials = page.stream()
                .filter(r -> r.text().matches("(NODE: |VM |it ).*") || definitions.contains(r.text()))
                .toList();
        assertThat(denials).hasSizeGreaterThan(30).allSatisfy(row -> {
            assertThat(row.cause()).as(row.text()).isNotBlank();
            assertThat(row.cure()).as(row.text()).isNotBlank();
        });
    }
}
