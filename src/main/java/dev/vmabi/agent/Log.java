package dev.vmabi.agent;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.Console;
import java.io.PrintStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/**
 * One line per thing worth telling.
 *
 * @param node named in every line
 * @param out where lines go
 * @param json whether lines are JSON objects, with the operator's names for their parts, rather than for people
 */
public record Log(String node, PrintStream out, boolean json) {

    public Log(String node, PrintStream out) {
        this(node, out, false);
    }

    /** For people on a terminal, JSON anywhere else. */
    static Log onStandardOutput(String node) {
        boolean terminal = Optional.ofNullable(System.console())
                .filter(Console::isTerminal)
                .isPresent();
        return new Log(node, System.out, !terminal);
    }

    void info(String message) {
        line("INFO", message);
    }

    void warn(String message) {
        line("WARN", message);
    }

    private void line(String level, String message) {
        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        out.println(
                json
                        ? "{\"timestamp\":\"" + now + "\",\"level\":\"" + level + "\",\"node\":\"" + quoted(node)
                                + "\",\"message\":\"" + quoted(message) + "\"}"
                        : now + " " + level + " node=" + node + " " + message.replace('\n', ' '));
    }

    private static String quoted(String text) {
        return new String(JsonStringEncoder.getInstance().quoteAsString(text));
    }
}
