package dev.vmabi.fleet;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Conditions as kstatus expects them: each says its observedGeneration, and its transition time moves only with its
 * status.
 */
final class Conditions {
    private final List<Condition> before;
    private final long generation;
    private final String now;
    private final List<Condition> after = new ArrayList<>();

    Conditions(List<Condition> before, long generation, Instant now) {
        this.before = before;
        this.generation = generation;
        this.now = time(now);
    }

    void set(String type, boolean status, ConditionReason reason, String message) {
        String text = status ? "True" : "False";
        String since = find(before, type)
                .filter(c -> Objects.equals(c.getStatus(), text))
                .map(Condition::getLastTransitionTime)
                .orElse(now);
        after.add(new ConditionBuilder()
                .withType(type)
                .withStatus(text)
                .withReason(reason.name())
                .withMessage(message)
                .withObservedGeneration(generation)
                .withLastTransitionTime(since)
                .build());
    }

    List<Condition> list() {
        return List.copyOf(after);
    }

    /** Whether the condition was true before this decision. */
    boolean wasTrue(String type) {
        return find(before, type).filter(c -> "True".equals(c.getStatus())).isPresent();
    }

    /** Whether the condition had the reason before this decision. */
    boolean was(String type, ConditionReason reason) {
        return find(before, type)
                .filter(c -> reason.name().equals(c.getReason()))
                .isPresent();
    }

    /** Whether the condition had the message before this decision. */
    boolean said(String type, String message) {
        return find(before, type).filter(c -> message.equals(c.getMessage())).isPresent();
    }

    private static Optional<Condition> find(List<Condition> conditions, String type) {
        return conditions.stream().filter(c -> type.equals(c.getType())).findFirst();
    }

    /** RFC 3339 with whole seconds, as Kubernetes writes times. */
    static String time(Instant instant) {
        return instant.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
