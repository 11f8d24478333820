package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import io.fabric8.kubernetes.api.model.Condition;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The messages of conditions that docs/reference/conditions.md lists, and those that the code says. */
class MessagesTest {
    private static final Pattern ROW = Pattern.compile("\\| `([A-Za-z]+)` \\| `(.*)` \\|.*\\|");
    private static final String VARIABLE =
            "\\b(?:N|DIGEST|NODES?|TIME|VMM|WHY|WHO|NAMES?|FIELD|TEXT|POLICY|FENCE|REGISTER|VMS?|BOOT|STATE)\\b";

    /** A reason and what a message of it reads like. */
    private record Listed(String reason, String message) {
        Pattern pattern() {
            return Pattern.compile(
                    Arrays.stream(message.split("(?<=" + VARIABLE + ")|(?=" + VARIABLE + ")", -1))
                            .map(part -> switch (part) {
                                case "N" -> "[0-9]+";
                                case "DIGEST" -> "[0-9a-f]{16,64}";
                                default -> part.matches(VARIABLE) ? ".+" : Pattern.quote(part);
                            })
                            .collect(Collectors.joining()),
                    Pattern.DOTALL);
        }

        List<String> words() {
            return Arrays.stream(message.split(VARIABLE + "|[:;](?= |$)", -1))
                    .map(String::strip)
                    .filter(w -> w.length() > 3)
                    .toList();
        }
    }

    private static List<Listed> page;

    @BeforeAll
    static void read() throws IOException {
        page = Files.readAllLines(Path.of("docs/reference/conditions.md")).stream()
                .map(ROW::matcher)
                .filter(m -> m.matches() && m.group(2).contains(" "))
                .map(m -> new Listed(m.group(1), m.group(2)))
                .toList();
    }

    @Test
    void everyMessageThatIsSaidIsListedWithItsReason() {
        Set<String> unlisted = said().stream()
                .filter(c -> page.stream()
                        .noneMatch(l -> l.reason().equals(c.getReason())
                                && l.pattern().matcher(oneProblem(c)).matches()))
                .map(c -> c.getReason() + ": " + c.getMessage())
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(unlisted).isEmpty();
    }

    /** Many problems of a policy are one message. */
    private static String oneProblem(Condition condition) {
        return condition.getReason().equals("PolicyInvalid")
                ? condition.getMessage().split("; (?=spec\\.)", 2)[0]
                : condition.getMessage();
    }

    /** The compiler keeps the texts of messages, whole or between what differs, as constants of the class that says them. */
    @Test
    void everyListedMessageIsSaidSomewhere() throws IOException {
        String constants = "";
        for (String where : List.of("api", "fleet", "operator/content")) {
            try (Stream<Path> files = Files.walk(Path.of("target/classes/dev/vmabi", where))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".class")).toList()) {
                    constants += Files.readString(file, StandardCharsets.ISO_8859_1);
                }
            }
        }
        String all = constants;
        assertThat(page).hasSizeGreaterThan(50);
        assertThat(page.stream().flatMap(l -> l.words().stream()).filter(w -> !all.contains(w)))
                .isEmpty();
    }

    @Test
    void everyReasonHasAMessage() {
        assertThat(page.stream().map(Listed::reason).collect(Collectors.toSet()))
                .isEqualTo(
                        Arrays.stream(ConditionReason.values()).map(Enum::name).collect(Collectors.toSet()));
    }

    /** What conditions say in random sequences, and in cases that those do not come to. */
    private static List<Condition> said() {
        Saying rules = new Saying();
        Verdicts verdicts = new Verdicts();
        for (long seed = 1; seed <= 150; seed++) {
            FleetSequence.random(seed).run(rules, verdicts);
        }
        PolicySpec spec = PolicySpec.of("a");
        SimulatedCluster pool = pool(rules, verdicts, "6.12-cortex-a76", "6.12-cortex-a76");
        pool.apply("p", spec.profile("f".repeat(64)));
        pool.reported();
        pool.apply("p", spec);
        pool.reported();
        pool.apply("p", spec.lowerTo("e".repeat(64)));
        pool.settle();
        pool.join("n9", "a", "6.1-cortex-a76");
        pool.reported();
        String lesser = pool.status("p").lowering().digest();
        pool.apply("p", spec.lowerTo("e".repeat(64)));
        pool.settle();
        pool.apply("p", spec.fence(Surface.WritableIDRegisters, FenceRaise.Now).lowerTo(lesser));
        pool.settle();
        pool.guestAbis.remove(Digest.parse(pool.status("p").baseline().digest()));
        pool.reconcileAll();

        SimulatedCluster silent = pool(rules, verdicts, "6.12-cortex-a76", "6.18-cortex-a57");
        silent.apply("p", spec);
        silent.settle();
        silent.pass(Duration.ofMinutes(11));
        silent.settle();
        silent.reported();
        silent.apply(
                "p",
                spec.profile(SimulatedCluster.recorded("6.18-cortex-a57")
                                .digest()
                                .hex())
                        .exclude("FEAT_FP"));
        silent.settle();
        return rules.said;
    }

    private static SimulatedCluster pool(Saying rules, Verdicts verdicts, String... hosts) {
        SimulatedCluster cluster = new SimulatedCluster(rules, verdicts);
        for (int i = 0; i < hosts.length; i++) {
            cluster.join("n" + i, "a", hosts[i]);
        }
        return cluster;
    }

    /** The product, which remembers what it said. */
    private static final class Saying implements SimulatedCluster.Rules {
        private final List<Condition> said = new ArrayList<>();

        @Override
        public PolicyDecision decide(Fleet fleet, FleetState.Policy policy, Instant now) {
            PolicyDecision decision = SimulatedCluster.PRODUCT.decide(fleet, policy, now);
            said.addAll(decision.status().conditions());
            return decision;
        }

        @Override
        public NodeDecision decide(Fleet fleet, FleetState.Node node, Instant now) {
            NodeDecision decision = SimulatedCluster.PRODUCT.decide(fleet, node, now);
            decision.status().ifPresent(s -> said.addAll(s.conditions()));
            return decision;
        }
    }
}
