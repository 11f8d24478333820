package dev.vmabi.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.Recording;
import dev.vmabi.fleet.Recording.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "replay",
        mixinStandardHelpOptions = true,
        description =
                "Make the decisions of an operator's flight recording again, without a cluster, and say which of them come"
                        + " out otherwise.")
final class ReplayCommand implements Callable<Integer> {
    private static final int MOST_DIFFERENCES = 5;
    private static final int MOST_TEXT = 120;

    private final ObjectMapper json = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    @Mixin
    private Output output;

    @Parameters(paramLabel = "FILE", description = "What the operator gives at /flight-recording.")
    private Path file;

    @Override
    public Integer call() {
        Recording recording = read();
        List<List<String>> rows = new ArrayList<>();
        List<Map<String, Object>> trees = new ArrayList<>();
        rows.add(List.of("AT", "FOR", "DECIDED", "AGAIN"));
        AtomicInteger otherwise = new AtomicInteger();
        recording.replay(replayed -> {
            Recording.Moment moment = replayed.moment();
            List<String> differences = new ArrayList<>();
            compare("", json.valueToTree(moment.decided()), json.valueToTree(replayed.now()), differences);
            otherwise.addAndGet(differences.isEmpty() ? 0 : 1);
            String subject = moment.policy() != null
                    ? "policy " + moment.policy().name()
                    : "node " + moment.node().name();
            rows.add(List.of(
                    moment.at(),
                    subject,
                    summary(moment.decided()),
                    differences.isEmpty()
                            ? "the same"
                            : "otherwise: "
                                    + differences.stream()
                                            .limit(MOST_DIFFERENCES)
                                            .collect(Collectors.joining("; "))));
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("at", moment.at());
            tree.put("for", subject);
            tree.put("decided", moment.decided());
            tree.put("differences", differences);
            trees.add(tree);
        });
        if (output.text()) {
            output.table(rows);
            output.line(recording.moments().size() + " decisions, " + otherwise + " come out otherwise");
        } else {
            output.tree(trees);
        }
        return otherwise.get() == 0 ? 0 : VmAbi.REFUSED;
    }

    private Recording read() {
        try {
            Recording recording = json.readValue(file.toFile(), Recording.class);
            if (recording.moments() == null) {
                throw new InputException(file + " is no flight recording: it has no moments");
            }
            return recording;
        } catch (JsonProcessingException e) {
            throw new InputException(
                    file + " is no flight recording: "
                            + e.getOriginalMessage().lines().findFirst().orElse(""),
                    e);
        } catch (IOException e) {
            throw new InputException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** In a few words what a decision was. */
    private static String summary(Outcome outcome) {
        VirtualMachineABIStatus status = outcome.status();
        if (status == null) {
            return outcome.labels().size() + " labels";
        }
        String baseline = status.baseline() == null
                ? "nothing pinned"
                : "generation " + status.baseline().generation() + " "
                        + status.baseline().digest().substring(0, 16);
        return baseline + ", " + status.nodes().accepting() + " of "
                + status.nodes().matched() + " nodes accept"
                + (outcome.stamps().isEmpty() ? "" : ", " + outcome.stamps().size() + " stamps");
    }

    /** Where two trees differ: the paths, with what was and what is. */
    private static void compare(String path, JsonNode was, JsonNode is, List<String> differences) {
        if (was.isObject() && is.isObject()) {
            TreeSet<String> names = new TreeSet<>();
            was.fieldNames().forEachRemaining(names::add);
            is.fieldNames().forEachRemaining(names::add);
            names.forEach(name ->
                    compare(path.isEmpty() ? name : path + "." + name, was.path(name), is.path(name), differences));
        } else if (was.isArray() && is.isArray() && was.size() == is.size()) {
            for (int i = 0; i < was.size(); i++) {
                compare(path + "[" + i + "]", was.get(i), is.get(i), differences);
            }
        } else if (!was.equals(is) && !(absent(was) && absent(is))) {
            differences.add(path + " was " + text(was) + ", is " + text(is));
        }
    }

    /** What is left out of JSON and what is null or empty in it is the same. */
    private static boolean absent(JsonNode node) {
        return node.isMissingNode() || node.isNull() || (node.isContainerNode() && node.isEmpty());
    }

    private static String text(JsonNode node) {
        String text = absent(node) ? "nothing" : node.toString();
        return text.length() <= MOST_TEXT ? text : text.substring(0, MOST_TEXT) + "...";
    }
}
