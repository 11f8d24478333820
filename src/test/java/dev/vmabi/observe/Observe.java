package dev.vmabi.observe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.demo.Demo;
import dev.vmabi.demo.Driver;
import dev.vmabi.demo.Story;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A real Prometheus scrapes the running demonstration and evaluates the rules; every query of the dashboard must return
 * data, and every metric that a rule speaks of must be there. What {@code make observe} does.
 */
public final class Observe {
    private static final Duration LIMIT = Duration.ofMinutes(10);
    private static final Path RULES = Path.of("helm/vmabi/rules/vmabi.yaml");
    private static final Path DASHBOARD = Path.of("helm/vmabi/dashboards/fleet-fences.json");
    private static final Path RUNBOOKS = Path.of("docs/runbooks");
    private static final Pattern SELECTOR = Pattern.compile("[a-z:]*vmabi_[a-z_0-9:]+(\\{[^}]*})?");

    /** What the story leads to before the raise: two nodes are fenced. */
    private static final Set<String> EXPECTED = Set.of("VmabiNodeFenced", "VmabiFleetNotConverged");

    private final Story story;
    private final Prometheus prometheus;

    private Observe(Story story, Prometheus prometheus) {
        this.story = story;
        this.prometheus = prometheus;
    }

    public static void main(String[] arguments) {
        Driver.run("What is observed does not hold", LIMIT, Observe::drive);
    }

    private static Void drive() throws IOException {
        Instant started = Instant.now();
        try (ApiServer server = ApiServers.start();
                Demo demo = new Demo(server, 128)) {
            demo.orLastWords(() -> drive(demo, server));
            System.out.printf(
                    "%nAll %d checks held, in %d s.%n",
                    demo.story().checks(),
                    Duration.between(started, Instant.now()).toSeconds());
        }
        return null;
    }

    private static void drive(Demo demo, ApiServer server) throws IOException {
        demo.tellUntilRaise();
        fence(server.client());
        try (AgentMetrics agents = new AgentMetrics(demo.fleet());
                Prometheus prometheus = new Prometheus(
                        server.directory(), RULES, demo.operator().url(), agents)) {
            Observe observe = new Observe(demo.story(), prometheus);
            observe.dashboard();
            observe.rules();
        }
    }

    /** One policy gets a fence, so that there is one to be seen. */
    private static void fence(KubernetesClient client) {
        VirtualMachineABI _ = client.resources(VirtualMachineABI.class)
                .withName("max")
                .patch(PatchContext.of(PatchType.JSON_MERGE), """
                        {"spec": {"fences": [{"surface": "WritableIDRegisters", "raise": "Never"}]}}""");
    }

    private void dashboard() throws IOException {
        story.step("Every query of the dashboard returns data");
        JsonNode panels = new ObjectMapper().readTree(DASHBOARD.toFile()).path("panels");
        for (JsonNode panel : panels) {
            for (JsonNode target : panel.path("targets")) {
                String query =
                        target.path("expr").asText().replace("$policy", ".*").replace("$__rate_interval", "30s");
                int series = story.await(
                        panel.path("title").asText() + ": " + query, () -> present(prometheus.query(query)));
                story.say("%3d series  %s".formatted(series, panel.path("title").asText()));
            }
        }
    }

    private void rules() throws IOException {
        story.step("Every rule evaluates, speaks of metrics that exist, and has a runbook");
        Set<String> pages = new TreeSet<>();
        for (JsonNode group : new YAMLMapper().readTree(RULES.toFile()).path("groups")) {
            for (JsonNode rule : group.path("rules")) {
                String name = rule.path("alert").asText(rule.path("record").asText());
                String expression = rule.path("expr").asText();
                JsonNode _ = prometheus.query(expression);
                Matcher selectors = SELECTOR.matcher(expression);
                while (selectors.find()) {
                    String selector = selectors.group();
                    story.await(name + ": " + selector, () -> present(prometheus.query(selector)));
                }
                if (rule.has("alert")) {
                    Path page = Path.of(rule.path("annotations").path("runbook").asText());
                    story.check(name + " has a runbook", Files.isRegularFile(page));
                    pages.add(page.getFileName().toString());
                    if (EXPECTED.contains(name)) {
                        story.await(
                                name + " to be raised",
                                () -> present(prometheus.query("ALERTS{alertname=\"" + name + "\"}")));
                        story.say(name + " is pending, as it should be with two nodes fenced");
                    }
                }
            }
        }
        try (var files = Files.list(RUNBOOKS)) {
            List<String> others = files.map(f -> f.getFileName().toString())
                    .filter(f -> !pages.contains(f))
                    .toList();
            story.check("every runbook belongs to an alert: " + others, others.isEmpty());
        }
        JsonNode evaluated = prometheus.rules();
        story.check("no rule failed: " + evaluated, !evaluated.toString().contains("\"health\":\"err\""));
    }

    /** How many series; null for none, as long as one waits. */
    private static Integer present(JsonNode result) {
        return result.isEmpty() ? null : Integer.valueOf(result.size());
    }
}
