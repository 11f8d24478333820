package dev.vmabi.chaos.check;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The time in which an operator could have mended something: somebody held the lease from one renewal to the next, and
 * no fault kept it from seeing or writing. A leader that was frozen or killed after a renewal had no such time.
 */
final class LedTime {
    /** A leader renews every two seconds. */
    private static final Duration RENEWED = Duration.ofSeconds(4);

    /**
     * What one look can count at most: where a look comes late, the operator may have had to wait for a processor as well.
     */
    private static final Duration MOST_COUNTED = Duration.ofMillis(300);

    /** Some time that counts, without a break. */
    private record Span(Instant from, Instant to) {}

    private final Deque<Span> spans = new ArrayDeque<>();
    private Instant looked = Instant.MIN;
    private Instant renewed = Instant.MIN;
    private Duration since = Duration.ZERO;

    /**
     * Takes what is so now. Returns how much of the time since the last renewal counts, once it is known.
     *
     * @param seen when somebody was last seen to renew the lease
     * @param blocked whether a fault keeps operators from seeing or writing
     */
    Duration look(Instant now, Instant seen, boolean blocked) {
        Duration passed = looked.equals(Instant.MIN) ? Duration.ZERO : Duration.between(looked, now);
        looked = now;
        since = blocked ? Duration.ZERO : since.plus(passed.compareTo(MOST_COUNTED) > 0 ? MOST_COUNTED : passed);
        if (seen.equals(renewed)) {
            return Duration.ZERO;
        }
        boolean led = !renewed.equals(Instant.MIN) && !seen.isAfter(renewed.plus(RENEWED));
        Duration counts = led ? since : Duration.ZERO;
        renewed = seen;
        since = Duration.ZERO;
        if (counts.isPositive()) {
            note(now.minus(counts), now);
        }
        return counts;
    }

    private void note(Instant from, Instant to) {
        boolean goesOn = !spans.isEmpty() && !from.isAfter(spans.getLast().to().plus(MOST_COUNTED));
        spans.addLast(new Span(goesOn ? spans.removeLast().from() : from, to));
    }

    /** When it was that time counted, as far as that is later than {@code since}. */
    List<String> spans(Instant since) {
        return spans.stream()
                .filter(s -> s.to().isAfter(since))
                .map(s -> s.from().truncatedTo(ChronoUnit.SECONDS) + " to " + s.to().truncatedTo(ChronoUnit.SECONDS))
                .toList();
    }
}
