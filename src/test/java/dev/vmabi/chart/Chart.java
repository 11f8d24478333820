package dev.vmabi.chart;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.TemplateCommand;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The Helm chart as Helm renders it, and what is generated for it and from it; {@code make manifests} writes that. */
public final class Chart {
    static final Path DIRECTORY = Path.of("helm/vmabi");
    static final String NAMESPACE = "vmabi-system";
    /** The newest Kubernetes that the project was tried on. */
    static final String KUBERNETES = "1.36.2";

    private static final Path DEFINITIONS = Path.of("crds");
    private static final Path GATE = Path.of("src/main/resources/dev/vmabi/gate");
    private static final Map<String, Object> MONITORING = Map.of(
            "monitoring.serviceMonitor.enabled", true,
            "monitoring.prometheusRule.enabled", true,
            "monitoring.dashboard.enabled", true);
    private static final String NAMESPACE_OBJECT = """
            apiVersion: v1
            kind: Namespace
            metadata:
              name: vmabi-system
              labels:
                app.kubernetes.io/part-of: vmabi
                pod-security.kubernetes.io/enforce: restricted
            """;

    private Chart() {}

    /** Writes every generated file below the working directory. */
    public static void main(String[] arguments) throws IOException {
        for (Map.Entry<Path, String> copy : copies().entrySet()) {
            Files.createDirectories(copy.getKey().getParent());
            Files.writeString(copy.getKey(), copy.getValue());
        }
        // Rendered from what has just been copied.
        for (Map.Entry<Path, String> manifest : manifests().entrySet()) {
            Files.writeString(manifest.getKey(), manifest.getValue());
        }
    }

    /** What the chart must have of files that live elsewhere, since Helm reads nothing outside of a chart. */
    static Map<Path, String> copies() {
        Map<Path, String> copies = new TreeMap<>();
        Map.of(DEFINITIONS, "crds", GATE, "gate")
                .forEach((from, to) -> files(from)
                        .filter(f -> f.toString().endsWith(".yaml"))
                        .forEach(f -> copies.put(DIRECTORY.resolve("files", to).resolve(f.getFileName()), read(f))));
        return copies;
    }

    /** The installation without Helm, as rendered with default values, and what a Prometheus Operator adds to it. */
    static Map<Path, String> manifests() {
        List<String> plain = documents(render(Map.of()));
        Predicate<String> isPlain = plain::contains;
        return Map.of(
                Path.of("deploy/base/vmabi.yaml"),
                file(
                        "Generated from helm/vmabi with its default values by make manifests.",
                        Stream.concat(Stream.of(NAMESPACE_OBJECT), plain.stream())),
                Path.of("deploy/monitoring.yaml"),
                file(
                        "Generated from helm/vmabi by make manifests: for clusters with Prometheus Operator and Grafana.",
                        documents(render(MONITORING)).stream().filter(isPlain.negate())));
    }

    /**
     * Renders the chart.
     *
     * @param values as of {@code --set}, by path
     * @throws IllegalStateException with what Helm says against it
     */
    static String render(Map<String, Object> values) {
        TemplateCommand template = new Helm(DIRECTORY)
                .template()
                .withName("vmabi")
                .withNamespace(NAMESPACE)
                .withKubeVersion(KUBERNETES);
        new LinkedHashMap<>(values).forEach(template::set);
        return template.call();
    }

    /** The documents of a rendered chart, without what Helm alone looks at. */
    static List<String> documents(String rendered) {
        return Arrays.stream(rendered.split("(?m)^---\\s*$"))
                .map(Chart::withoutHelm)
                .filter(d -> d.lines().anyMatch(l -> l.startsWith("kind:")))
                .toList();
    }

    private static String withoutHelm(String document) {
        return document.lines()
                        .filter(l -> !l.startsWith("# Source: "))
                        .filter(l -> !l.matches(" +(helm\\.sh/.*|app\\.kubernetes\\.io/managed-by: Helm)"))
                        .filter(l -> !l.isBlank())
                        .collect(Collectors.joining("\n"))
                        // Where only Helm's own annotation was.
                        .replaceAll("(?m)^ +annotations:\\n(?=  labels:)", "")
                + "\n";
    }

    private static String file(String head, Stream<String> documents) {
        return "# " + head + "\n" + documents.collect(Collectors.joining("---\n"));
    }

    /** The files of a directory; none where there is no directory. */
    static Stream<Path> files(Path directory) {
        if (!Files.isDirectory(directory)) {
            return Stream.empty();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
