package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.agent.Metrics;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** docs/reference/metrics.md and what operator and agent expose name the same metrics, types and labels. */
class MetricsPageIT {
    private static final Path PAGE = Path.of("docs/reference/metrics.md");
    private static final Pattern ROW = Pattern.compile("\\| `([a-z0-9_]+)` \\| (\\w+) \\|([^|]*)\\|.*");
    private static final Pattern TYPE = Pattern.compile("# TYPE ([a-z0-9_]+) (\\w+)");
    private static final Pattern SAMPLE = Pattern.compile("([a-z0-9_]+?)(_bucket|_sum|_count)?(?:\\{(.*)})? [^ ]+");

    /** Type and labels of a metric. */
    private record Shape(String type, Set<String> labels) {}

    @Test
    void pageAndCodeAgree() throws IOException {
        Map<String, Shape> documented = documented();
        assertThat(documented).hasSizeGreaterThan(20);
        Map<String, Shape> exposed = new TreeMap<>();
        try (OperatedCluster cluster = new OperatedCluster()) {
            OperatorProcess operator = cluster.operator("one");
            DemoCluster install = new DemoCluster(cluster.client);
            install.installKubeVirt();
            install.gate(operator.gatePort());
            cluster.nodes.join("a", "a57", "linux-6.12-cortex-a57");
            cluster.apply("""
                    apiVersion: vmabi.dev/v1alpha1
                    kind: VirtualMachineABI
                    metadata: {name: a57}
                    spec:
                      nodeSelector: {matchLabels: {example.com/pool: a57}}
                      fences: [{surface: WritableIDRegisters, raise: Never}]
                    """);
            cluster.await(() -> assertThat(cluster.condition("a57", "Ready")).startsWith("True"));
            Pod _ = cluster.client
                    .resource(new PodBuilder()
                            .withNewMetadata()
                            .withNamespace("default")
                            .withName("vm")
                            .addToLabels("vmabi.dev/policy", "a57")
                            .endMetadata()
                            .withNewSpec()
                            .addNewContainer()
                            .withName("vmm")
                            .withImage("vmm")
                            .endContainer()
                            .endSpec()
                            .build())
                    .create();
            cluster.await(() -> assertThat(operator.metrics())
                    .contains("vmabi_admissions_total", "vmabi_baseline_info", "vmabi_fence_raised"));
            exposed.putAll(exposed(operator.metrics()));
        }
        exposed.putAll(exposed(new Metrics().exposition()));
        Set<String> known = new TreeSet<>(exposed.keySet());
        exposed.keySet().removeIf(name -> !name.startsWith("vmabi_"));
        assertThat(own(documented)).isEqualTo(exposed);
        assertThat(known).containsAll(documented.keySet());
    }

    private static Map<String, Shape> own(Map<String, Shape> documented) {
        Map<String, Shape> own = new TreeMap<>(documented);
        own.keySet().removeIf(name -> !name.startsWith("vmabi_"));
        return own;
    }

    private static Map<String, Shape> documented() throws IOException {
        return Files.readAllLines(PAGE).stream()
                .map(ROW::matcher)
                .filter(Matcher::matches)
                .collect(Collectors.toMap(
                        m -> m.group(1),
                        m -> new Shape(m.group(2), names(m.group(3).replace("`", ""))),
                        (a, b) -> {
                            throw new AssertionError("a metric is documented twice: " + a);
                        },
                        TreeMap::new));
    }

    private static Map<String, Shape> exposed(String text) {
        Map<String, String> types = text.lines()
                .map(TYPE::matcher)
                .filter(Matcher::matches)
                .collect(Collectors.toMap(m -> m.group(1), m -> m.group(2)));
        Map<String, Shape> shapes = new TreeMap<>();
        text.lines().filter(l -> !l.startsWith("#")).forEach(line -> {
            Matcher sample = SAMPLE.matcher(line);
            assertThat(sample.matches()).as(line).isTrue();
            boolean part = sample.group(2) != null && types.containsKey(sample.group(1));
            String name = part || sample.group(2) == null ? sample.group(1) : sample.group(1) + sample.group(2);
            String type = types.getOrDefault(name, types.get(name.replaceFirst("_total$", "")));
            Set<String> labels = new TreeSet<>();
            if (sample.group(3) != null) {
                Arrays.stream(sample.group(3).split("\",?", -1))
                        .filter(l -> l.endsWith("="))
                        .forEach(l -> labels.add(l.substring(0, l.length() - 1)));
            }
            labels.remove("le");
            shapes.merge(name, new Shape(type, labels), (a, b) -> b);
        });
        return shapes;
    }

    private static Set<String> names(String list) {
        return Arrays.stream(list.split(",", -1))
                .map(String::strip)
                .filter(l -> !l.isEmpty())
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
