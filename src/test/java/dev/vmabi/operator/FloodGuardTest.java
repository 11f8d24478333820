package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.StatusBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.OperatorException;
import io.vertx.core.http.HttpClosedException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.stream.IntStream;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.formatters.PatternFormatter;
import org.junit.jupiter.api.Test;

class FloodGuardTest {
    private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");
    private final FloodGuard guard = new FloodGuard();

    private static LogRecord says(String text, Instant when, Object... parameters) {
        LogRecord record = new LogRecord(Level.WARNING, text);
        record.setLoggerName("dev.vmabi");
        record.setInstant(when);
        record.setParameters(parameters);
        return record;
    }

    @Test
    void aBurstOfTheSameTroubleIsToldAFewTimesAndCounted() {
        long told = IntStream.range(0, 10_000)
                .filter(i -> guard.isLoggable(says("%s is left out", NOON.plusMillis(i), "vm-" + i)))
                .count();
        assertThat(told).isEqualTo(FloodGuard.MOST);
        assertThat(guard.isLoggable(says("something else", NOON))).isTrue();

        LogRecord next = says("%s is left out", NOON.plus(FloodGuard.WINDOW).plusMillis(1), "vm-x");
        assertThat(guard.isLoggable(next)).isTrue();
        assertThat(next.getMessage()).isEqualTo("%s is left out (9980 more like this were left out)");
    }

    @Test
    void whatWasLeftOutIsToldWithTheParametersInTheirPlaces() {
        for (int i = 0; i <= FloodGuard.MOST; i++) {
            assertThat(guard.isLoggable(printed(i, NOON))).isEqualTo(i < FloodGuard.MOST);
        }
        ExtLogRecord next = printed(77, NOON.plus(FloodGuard.WINDOW).plusMillis(1));
        assertThat(guard.isLoggable(next)).isTrue();
        assertThat(new PatternFormatter("%s").format(next))
                .isEqualTo("GuestABI 77 is left out (1 more like this were left out)");
    }

    @Test
    void whatAnApiServerDoesNotTakeIsALineAndWhatNobodyForesawATrace() {
        LogRecord refused = thrown("node n1", new OperatorException(refused("n1 is in its way")));
        assertThat(guard.isLoggable(refused)).isTrue();
        assertThat(refused.getThrown()).isNull();
        assertThat(new PatternFormatter("%s%e").format(refused)).isEqualTo("node n1 {} %s: n1 is in its way");

        LogRecord silent = thrown("node n1", refused(null));
        assertThat(guard.isLoggable(silent)).isTrue();
        assertThat(new PatternFormatter("%s%e").format(silent)).startsWith("node n1 {} %s: ");

        LogRecord unanswered =
                thrown("a list", new CompletionException(new HttpClosedException("Connection was closed")));
        assertThat(guard.isLoggable(unanswered)).isTrue();
        assertThat(new PatternFormatter("%s%e").format(unanswered)).isEqualTo("a list {} %s: Connection was closed");

        LogRecord late = thrown("a lease", new IllegalStateException(new TimeoutException()));
        assertThat(guard.isLoggable(late)).isTrue();
        assertThat(new PatternFormatter("%s%e").format(late)).isEqualTo("a lease {} %s: TimeoutException");

        LogRecord defect = thrown("node n1", new OperatorException(new NullPointerException("of ours")));
        assertThat(guard.isLoggable(defect)).isTrue();
        assertThat(new PatternFormatter("%s%e").format(defect))
                .startsWith("node n1 {} %s")
                .contains("of ours", "\tat dev.vmabi.operator.FloodGuardTest");
    }

    @Test
    void writesThatFailByTheThousandAreTheSameTrouble() {
        long told = IntStream.range(0, 5_000)
                .filter(i -> guard.isLoggable(thrown("node n" + i, new OperatorException(refused("not now")))))
                .count();
        assertThat(told).isEqualTo(FloodGuard.MOST);
        LogRecord next = thrown("node x", new OperatorException(refused("not now")));
        next.setInstant(NOON.plus(FloodGuard.WINDOW).plusMillis(1));
        assertThat(guard.isLoggable(next)).isTrue();
        assertThat(new PatternFormatter("%s").format(next))
                .isEqualTo("node x {} %s: not now (4980 more like this were left out)");
    }

    private static KubernetesClientException refused(String why) {
        return new KubernetesClientException(
                new StatusBuilder().withCode(409).withMessage(why).build());
    }

    /** As the Operator SDK logs: its parameters are in the text already. */
    private static LogRecord thrown(String text, Throwable thrown) {
        ExtLogRecord record = new ExtLogRecord(
                Level.WARNING, text + " {} %s", ExtLogRecord.FormatStyle.NO_FORMAT, FloodGuardTest.class.getName());
        record.setLoggerName("io.javaoperatorsdk");
        record.setThrown(thrown);
        record.setInstant(NOON);
        return record;
    }

    private static ExtLogRecord printed(int number, Instant when) {
        ExtLogRecord record = new ExtLogRecord(
                Level.WARNING, "%s %s is left out", ExtLogRecord.FormatStyle.PRINTF, FloodGuardTest.class.getName());
        record.setLoggerName("dev.vmabi");
        record.setParameters(new Object[] {"GuestABI", number});
        record.setInstant(when);
        return record;
    }

    @Test
    void whatComesNowAndThenIsToldEachTime() {
        for (int i = 0; i < 500; i++) {
            LogRecord record = says("denied", NOON.plus(Duration.ofSeconds(5L * i)));
            assertThat(guard.isLoggable(record)).isTrue();
            assertThat(record.getMessage()).isEqualTo("denied");
        }
    }

    @Test
    void whatItKnowsIsBounded() {
        for (int i = 0; i < 100_000; i++) {
            assertThat(guard.isLoggable(says("text " + i, NOON))).isTrue();
        }
        assertThat(guard.isLoggable(says("text 0", NOON))).as("long forgotten").isTrue();
    }
}
