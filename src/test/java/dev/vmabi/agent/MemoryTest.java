package dev.vmabi.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The agent's process after a probe. Of mappings that nothing but the test uses, as how much of libjvm.so is back by the
 * time of a look is the compiler's and the collector's affair.
 */
@EnabledOnOs(OS.LINUX)
class MemoryTest {

    private static final int MIB = 1 << 20;

    /** Of a module that nothing here uses; its text is needed once, when it is loaded. */
    private static final Path LIBRARY = Path.of(System.getProperty("java.home"), "lib", "libprefs.so");

    @Test
    @SuppressWarnings("restricted") // a library of this JDK
    void codeThatOnlyLoadingNeededIsGivenBack() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            var _ = SymbolLookup.libraryLookup(LIBRARY, arena);
            assertThat(residentKib(LIBRARY, "r-xp")).isPositive();
            Memory.giveBack();
            assertThat(residentKib(LIBRARY, "r-xp")).isZero();
        }
    }

    @Test
    void filesThatAreSharedAreGivenBackAndReadAgain(@TempDir Path folder) throws IOException {
        Path file = Files.write(folder.resolve("classes"), new byte[MIB]);
        try (FileChannel channel = FileChannel.open(file);
                Arena arena = Arena.ofConfined()) {
            MemorySegment classes = channel.map(FileChannel.MapMode.READ_ONLY, 0, MIB, arena);
            classes.load();
            assertThat(residentKib(file, "r--s")).isPositive();
            Memory.giveBack();
            assertThat(residentKib(file, "r--s")).isZero();
            assertThat(classes.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        }
    }

    /** What of the file this process has mapped with those permissions and in memory. */
    private static int residentKib(Path file, String permissions) throws IOException {
        boolean ofFile = false;
        int kib = -1;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
            if (line.contains(" " + permissions + " ")) {
                ofFile = line.endsWith(file.toRealPath().toString());
            } else if (ofFile && line.startsWith("Rss:")) {
                kib = Math.max(kib, 0) + Integer.parseInt(line.replaceAll("[^0-9]", ""));
                ofFile = false;
            }
        }
        assertThat(kib).as("%s has a mapping %s", file, permissions).isNotNegative();
        return kib;
    }
}
