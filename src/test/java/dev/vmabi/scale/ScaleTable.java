package dev.vmabi.scale;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What was measured, said at once and once more as a table in the end. */
final class ScaleTable {
    private static final int MOST_COUNTS = 12;

    private final List<String> rows = new ArrayList<>();

    void row(String what, Duration took, Duration floor, String ofWhat) {
        say("%s: %.1f s; floor %.1f s (%s); ratio %.2f"
                .formatted(
                        what,
                        took.toMillis() / 1000.0,
                        floor.toMillis() / 1000.0,
                        ofWhat,
                        (double) took.toMillis() / Math.max(1, floor.toMillis())));
    }

    void say(String text) {
        System.out.println("   " + text);
        rows.add(text);
    }

    /** The most frequent requests, and the bytes of lists. */
    void counts(String what, ApiCounts counts) {
        if (counts.requests().isEmpty()) {
            return;
        }
        List<String> most = counts.requests().entrySet().stream()
                .filter(e -> !e.getKey().contains("tokenreviews") && !e.getKey().endsWith(" "))
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .limit(MOST_COUNTS)
                .map(e -> e.getKey() + " " + e.getValue())
                .toList();
        say(what + ": requests " + String.join(", ", most));
        Map<String, Long> lists = new TreeMap<>();
        counts.listedBytes().forEach((key, bytes) -> {
            if (key.startsWith("LIST ") && bytes > 1024 * 1024) {
                lists.put(key.substring(5), bytes / 1024 / 1024);
            }
        });
        if (!lists.isEmpty()) {
            say(what + ": MiB listed " + lists);
        }
    }

    void print() {
        System.out.println();
        rows.forEach(System.out::println);
    }
}
