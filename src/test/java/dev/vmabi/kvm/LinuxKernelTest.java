package dev.vmabi.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** The system calls themselves, on whatever Linux the tests run on. */
@EnabledOnOs(OS.LINUX)
class LinuxKernelTest {

    private final LinuxKernel kernel = new LinuxKernel();

    @Test
    void anIoctlThatFailsAnswersTheNegatedErrno() {
        int fd = kernel.open("/dev/null");
        assertThat(fd).isNotNegative();
        assertThat(kernel.ioctl(fd, Uapi.GET_API_VERSION, 0)).isEqualTo(-Errno.ENOTTY.number());
        kernel.close(fd);
        assertThat(kernel.ioctl(fd, Uapi.GET_API_VERSION, 0)).isEqualTo(-Errno.EBADF.number());
    }

    @Test
    void openSaysWhy() {
        assertThat(kernel.open("/nonexistent/device")).isEqualTo(-Errno.ENOENT.number());
        assertThat(kernel.open("/proc")).isEqualTo(-21); // EISDIR
    }

    @Test
    void aDescriptorIsClosedOnExec() throws IOException {
        int fd = kernel.open("/dev/null");
        String info = Files.readString(Path.of("/proc/self/fdinfo/" + fd));
        kernel.close(fd);
        long flags = Long.parseLong(info.replaceFirst("(?s).*flags:\\s+(\\d+).*", "$1"), 8);
        assertThat(flags & 0x80003).isEqualTo(0x80002); // O_CLOEXEC and, of the access modes, O_RDWR
    }

    @Test
    void pinningKeepsTheThreadOnTheCpu() throws Exception {
        int allowed = HostFacts.numbers(status("Cpus_allowed_list")).getFirst();
        FutureTask<String> task = new FutureTask<>(() -> {
            assertThat(kernel.pinToCpu(allowed)).isZero();
            return Files.readString(Path.of("/proc/thread-self/status"));
        });
        Thread.ofPlatform().start(task);
        assertThat(task.get()).containsPattern("Cpus_allowed_list:\\s+" + allowed + "\\n");
        assertThat(kernel.pinToCpu(1023)).isEqualTo(-Errno.EINVAL.number());
        assertThat(kernel.pinToCpu(1024)).isEqualTo(-Errno.EINVAL.number());
        assertThat(kernel.pinToCpu(-1)).isEqualTo(-Errno.EINVAL.number());
    }

    private static String status(String key) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(key.length() + 1).strip())
                .findFirst()
                .orElseThrow();
    }
}
