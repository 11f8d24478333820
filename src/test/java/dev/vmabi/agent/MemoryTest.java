package dev.vmabi.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** The agent's process after a probe. */
class MemoryTest {

    @Test
    @EnabledOnOs(OS.LINUX)
    void whatStartingNeededOfTheJvmsCodeIsGivenBack() throws IOException {
        int before = residentCode();
        Memory.giveBack();
        assertThat(residentCode()).isLessThan(before * 9 / 10);
    }

    /** KiB of libjvm's text that this process has mapped. */
    private static int residentCode() throws IOException {
        boolean text = false;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
            if (line.endsWith("libjvm.so")) {
                text = line.contains(" r-xp ");
            } else if (text && line.startsWith("Rss:")) {
                return Integer.parseInt(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new AssertionError("this JVM has no libjvm.so");
    }
}
