package dev.vmabi.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The wall clock of one process, which can be wrong; the clock that measures time passed is not. */
final class FakeClock {
    /** Debian's libfaketime; without it clocks do not jump. */
    private static final List<String> LIBRARIES = List.of(
            "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
            "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1");

    private final Path library;
    private final Path offset;

    private FakeClock(Path library, Path offset) {
        this.library = library;
        this.offset = offset;
        jump(Duration.ZERO);
    }

    /** A clock that is right. Empty on a machine that has no libfaketime. */
    static Optional<FakeClock> of(String process, Path directory) {
        return LIBRARIES.stream()
                .map(Path::of)
                .filter(Files::exists)
                .findFirst()
                .map(library -> new FakeClock(library, directory.resolve(process + ".offset")));
    }

    /** What the process is to find in its environment. */
    Map<String, String> environment() {
        return Map.of(
                "LD_PRELOAD", library.toString(),
                "FAKETIME_TIMESTAMP_FILE", offset.toString(),
                "FAKETIME_CACHE_DURATION", "1",
                "FAKETIME_DONT_FAKE_MONOTONIC", "1",
                // Or timed waits of a JVM end at once and it turns round and round.
                "FAKETIME_FORCE_MONOTONIC_FIX", "0");
    }

    /** It is wrong by that much a second from now on, and until it jumps again. */
    void jump(Duration by) {
        try {
            String text = "%+d\n".formatted(by.toSeconds());
            Files.writeString(offset, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
