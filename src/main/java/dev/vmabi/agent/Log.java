package dev.vmabi.agent;

import java.io.PrintStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * One line per thing worth telling.
 *
 * @param node named in every line
 * @param out where lines go
 */
public record Log(String node, PrintStream out) {

    void info(String message) {
        line("INFO", message);
    }

    void warn(String message) {
        line("WARN", message);
    }

    private void line(String level, String message) {
        out.println(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + level + " node=" + node + " "
                + message.replace('\n', ' '));
    }
}
