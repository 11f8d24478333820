package dev.vmabi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A host's own files. */
class HostFactsTest {

    @TempDir
    private Path root;

    @BeforeEach
    void host() throws IOException {
        file("proc/sys/kernel/random/boot_id", "5a3e3f9c-0000-4000-8000-000000000001\n");
        file("proc/sys/kernel/osrelease", "6.12.107\n");
        file("proc/cmdline", "quiet console=ttyAMA0\n");
    }

    @Test
    void cpusAreGroupedByKindAndOfflineOnesLeftOut() throws IOException {
        file("sys/devices/system/cpu/online", "0-2,4\n");
        for (int cpu : List.of(0, 1)) {
            midr(cpu, "0x00000000410fd034");
        }
        for (int cpu : List.of(2, 3, 4)) {
            midr(cpu, "0x00000000410fd082");
        }
        HostFacts facts = HostFacts.read(root);
        assertThat(facts.cpusByMidr())
                .containsEntry(0x410fd034L, List.of(0, 1))
                .containsEntry(0x410fd082L, List.of(2, 4))
                .hasSize(2);
        assertThat(facts.bootId()).isEqualTo("5a3e3f9c-0000-4000-8000-000000000001");
        assertThat(facts.kernelRelease()).isEqualTo("6.12.107");
        facts.requireUsableKvm();
    }

    @Test
    void aHostWithoutMidrIsNoArm64Host() throws IOException {
        file("sys/devices/system/cpu/online", "0-1\n");
        HostFacts facts = HostFacts.read(root);
        assertThatExceptionOfType(KvmUnavailableException.class)
                .isThrownBy(facts::requireUsableKvm)
                .satisfies(e -> assertThat(e.state()).isEqualTo(KvmState.NotArm64));
    }

    @ParameterizedTest
    @CsvSource({"kvm-arm.mode=none,Disabled", "kvm-arm.mode=protected,Protected"})
    void theCommandLineTellsWhyKvmIsOfNoUse(String word, KvmState state) throws IOException {
        file("sys/devices/system/cpu/online", "0\n");
        midr(0, "0x00000000410fd034");
        file("proc/cmdline", "quiet " + word + " panic=1\n");
        assertThatExceptionOfType(KvmUnavailableException.class)
                .isThrownBy(HostFacts.read(root)::requireUsableKvm)
                .satisfies(e -> assertThat(e.state()).isEqualTo(state))
                .withMessageContaining(word);
    }

    private void midr(int cpu, String value) throws IOException {
        file("sys/devices/system/cpu/cpu" + cpu + "/regs/identification/midr_el1", value + "\n");
    }

    private void file(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
