package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetSource;
import dev.vmabi.fleet.RecentDecisions;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;

/** Answers AdmissionReviews from the fleet in memory, and counts the answers. */
final class Admissions {
    private static final Logger LOG = Logger.getLogger(Admissions.class);

    private record Count(Hook hook, String verdict, Reason reason) {}

    private final FleetSource source;
    private final MeterRegistry meters;
    private final RecentDecisions recent;
    private final Map<Count, Counter> counters = new ConcurrentHashMap<>();
    private final Map<Hook, Timer> timers = new ConcurrentHashMap<>();

    Admissions(FleetSource source, MeterRegistry meters, RecentDecisions recent) {
        this.source = source;
        this.meters = meters;
        this.recent = recent;
        List.of("malformed", "not_read", "failed").forEach(this::failures);
    }

    /** The fleet has not been read yet, so that any answer would be a guess. */
    static final class NotRead extends Exception {
        NotRead() {
            super("the fleet has not been read yet");
        }
    }

    /** The answer to one AdmissionReview. */
    byte[] answer(Hook hook, byte[] body) throws Reviews.Malformed, NotRead {
        try {
            return decide(hook, body);
        } catch (Reviews.Malformed e) {
            failures("malformed").increment();
            throw e;
        } catch (NotRead e) {
            failures("not_read").increment();
            throw e;
        } catch (RuntimeException e) {
            failures("failed").increment();
            throw e;
        }
    }

    private byte[] decide(Hook hook, byte[] body) throws Reviews.Malformed, NotRead {
        long start = System.nanoTime();
        JsonNode request = Reviews.request(body);
        Optional<Fleet> fleet = source.fleet();
        if (fleet.isEmpty()) {
            throw new NotRead();
        }
        Decision decision = hook.answers(request.path("operation").asText())
                ? hook.decide(fleet.get(), request)
                : Decision.Allow.untouched(Reason.NotAVm);
        ArrayNode patch = hook.patch(request.path("object"), decision);
        byte[] answer = Reviews.answer(request.path("uid").asText(), decision, patch);
        count(hook, fleet.get(), request, decision);
        timer(hook).record(Duration.ofNanos(System.nanoTime() - start));
        return answer;
    }

    private Counter failures(String cause) {
        return Counter.builder("vmabi.admission.failures")
                .description("Reviews that were not answered, so that their failurePolicy decided")
                .tag("cause", cause)
                .register(meters);
    }

    private void count(Hook hook, Fleet fleet, JsonNode request, Decision decision) {
        String verdict = switch (decision) {
            case Decision.Allow allow -> "allow";
            case Decision.Steer steer -> "steer";
            case Decision.Impose impose -> "impose";
            case Decision.Deny deny -> "deny";
            case Decision.Audited audited -> "audit";
        };
        if (decision instanceof Decision.Deny deny) {
            LOG.infof("denied (%s): %s", deny.reason(), deny.message().replaceAll("\\p{Cntrl}+", "; "));
        }
        String namespace = request.path("namespace").asText("");
        String vm = hook.vm(request);
        TracedReviews.decided(fleet, namespace, vm, verdict, decision.reason());
        boolean told =
                !(decision instanceof Decision.Allow) || !decision.warnings().isEmpty();
        if (told
                && decision.reason() != Reason.Preview
                && !request.path("dryRun").asBoolean()) {
            recent.add(Instant.now(), hook.label(), verdict, decision.reason().name(), namespace, vm, text(decision));
        }
        counters.computeIfAbsent(
                        new Count(hook, verdict, decision.reason()),
                        c -> Counter.builder("vmabi.admissions")
                                .description("Answers of the gate's webhooks")
                                .tag("hook", c.hook().label())
                                .tag("verdict", c.verdict())
                                .tag("reason", c.reason().name())
                                .register(meters))
                .increment();
    }

    private static String text(Decision decision) {
        return switch (decision) {
            case Decision.Deny deny -> deny.message();
            case Decision.Steer steer ->
                String.join("; ", steer.warnings())
                        + (steer.warnings().isEmpty() ? "" : "; ")
                        + steer.steering().text();
            case Decision.Impose impose -> impose.imposition().text();
            case Decision.Allow _, Decision.Audited _ -> String.join("; ", decision.warnings());
        };
    }

    private Timer timer(Hook hook) {
        return timers.computeIfAbsent(
                hook,
                h -> Timer.builder("vmabi.admission.duration")
                        .description("Time from a review read to its answer made")
                        .tag("hook", h.label())
                        .serviceLevelObjectives(
                                Duration.ofNanos(50_000),
                                Duration.ofNanos(100_000),
                                Duration.ofNanos(250_000),
                                Duration.ofMillis(1),
                                Duration.ofMillis(5),
                                Duration.ofMillis(25),
                                Duration.ofMillis(100),
                                Duration.ofMillis(500))
                        .register(meters));
    }
}
