package dev.vmabi.operator;

import io.quarkus.logging.LoggingFilter;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.logging.Filter;
import java.util.logging.LogRecord;
import org.jboss.logmanager.ExtLogRecord;

/**
 * Lets the same trouble be logged a few times a minute, and says how often it was left out: thousands of bad objects, or
 * one that comes again and again, must not bury the rest. The same is what one place in the code says at one level.
 */
@LoggingFilter(name = "flood-guard")
public final class FloodGuard implements Filter {
    static final int MOST = 20;
    static final Duration WINDOW = Duration.ofMinutes(1);
    private static final int MOST_PLACES = 1_000;

    private record Place(String logger, int level, String text) {}

    private static final class Count {
        private Instant since = Instant.EPOCH;
        private int logged;
        private long leftOut;
    }

    private final Map<Place, Count> counts = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Place, Count> eldest) {
            return size() > MOST_PLACES;
        }
    };

    /** Public and without parameters, since Quarkus makes it so. */
    public FloodGuard() {}

    @Override
    public synchronized boolean isLoggable(LogRecord record) {
        // The text is that before its parameters are put in.
        Count count = counts.computeIfAbsent(
                new Place(record.getLoggerName(), record.getLevel().intValue(), record.getMessage()),
                place -> new Count());
        Instant now = record.getInstant();
        if (now.isAfter(count.since.plus(WINDOW))) {
            if (count.leftOut > 0) {
                append(record, " (" + count.leftOut + " more like this were left out)");
            }
            count.since = now;
            count.logged = 0;
            count.leftOut = 0;
        }
        if (count.logged == MOST) {
            count.leftOut++;
            return false;
        }
        count.logged++;
        return true;
    }

    /** JBoss's records forget how their text takes its parameters when it is set without. */
    private static void append(LogRecord record, String more) {
        String text = record.getMessage() + more;
        if (record instanceof ExtLogRecord own) {
            own.setMessage(text, own.getFormatStyle());
        } else {
            record.setMessage(text);
        }
    }
}
