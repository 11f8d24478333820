package dev.vmabi.demo;

import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.Console;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Tells a demonstration: numbered steps, tables, and checks that end it if they do not hold. */
public final class Story {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final PrintStream out;
    private final boolean colour =
            Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
    private int step;
    private int checks;

    Story(PrintStream out) {
        this.out = out;
    }

    public void step(String title) {
        step++;
        out.println();
        out.println(colour ? "\u001b[1m" + step + ". " + title + "\u001b[0m" : step + ". " + title);
    }

    public void say(String text) {
        out.println("   " + text);
    }

    /** Prints rows under a heading, columns aligned. */
    void table(List<String> heading, List<List<String>> rows) {
        List<List<String>> all = new ArrayList<>();
        all.add(heading);
        all.addAll(rows);
        int[] widths = new int[heading.size()];
        all.forEach(row -> {
            for (int i = 0; i < row.size(); i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        });
        for (List<String> row : all) {
            StringBuilder line = new StringBuilder("   ");
            for (int i = 0; i < row.size(); i++) {
                line.append(row.get(i)).repeat(' ', widths[i] - row.get(i).length() + 2);
            }
            out.println(line.toString().stripTrailing());
        }
    }

    /** Ends the demonstration if what was shown is not so. */
    public void check(String what, boolean holds) {
        if (!holds) {
            throw new IllegalStateException("step " + step + ": expected that " + what);
        }
        checks++;
    }

    /** Waits until it is so. */
    public void await(String what, BooleanSupplier holds) {
        await(what, () -> holds.getAsBoolean() ? Boolean.TRUE : null);
    }

    /** Waits until there is something. */
    public <T> T await(String what, Supplier<T> something) {
        return await(what, PATIENCE, something);
    }

    /** Waits this long until there is something; an API server that does not answer a question is asked again. */
    public <T> T await(String what, Duration patience, Supplier<T> something) {
        long end = System.nanoTime() + patience.toNanos();
        KubernetesClientException unanswered = null;
        while (System.nanoTime() < end) {
            try {
                T found = something.get();
                if (found != null) {
                    checks++;
                    return found;
                }
                unanswered = null;
            } catch (KubernetesClientException e) {
                if (e.getCode() != 0) {
                    throw e;
                }
                unanswered = e;
            }
            pause(Duration.ofMillis(50));
        }
        throw new IllegalStateException(
                "step " + step + ": waited " + patience.toSeconds() + " s in vain for " + what
                        + (unanswered == null ? "" : "; the API server did not answer: " + unanswered.getMessage()),
                unanswered);
    }

    public static void pause(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    public int checks() {
        return checks;
    }
}
