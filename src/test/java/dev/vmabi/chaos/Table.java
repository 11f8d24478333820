package dev.vmabi.chaos;

import dev.vmabi.chaos.check.Checker;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** What was injected, what was lost by it, and how long it took to be right again. */
record Table(Checker checker, Map<String, List<Instant>> injected, long seed) {

    void print(PrintStream out) {
        out.printf(
                "%nseed %d%n| fault | injected | lost | right again after, p50 | max |%n|---|---|---|---|---|%n", seed);
        injected.forEach((fault, at) -> {
            List<Duration> times = checker.recoveries().getOrDefault(fault, List.of()).stream()
                    .sorted()
                    .toList();
            long lost = checker.violations().stream()
                    .filter(v -> at.stream()
                            .anyMatch(i -> v.at().isAfter(i) && v.at().isBefore(i.plus(Checker.GRACE.multipliedBy(4)))))
                    .count();
            out.printf(
                    "| %s | %d | %s | %s | %s |%n",
                    fault,
                    at.size(),
                    lost == 0 ? "nothing" : lost + " violations near it",
                    at(times, 50),
                    at(times, 100));
        });
        List<Duration> mended = checker.mended().stream().sorted().toList();
        out.printf(
                "%d things were wrong for a while and were mended; of the time in which that could be done: p50 %s, p99 %s, max %s%n",
                mended.size(), at(mended, 50), at(mended, 99), at(mended, 100));
    }

    private static String at(List<Duration> sorted, int percent) {
        return sorted.isEmpty()
                ? "-"
                : "%.1f s"
                        .formatted(sorted.get(Math.min(sorted.size() - 1, sorted.size() * percent / 100))
                                        .toMillis()
                                / 1e3);
    }
}
