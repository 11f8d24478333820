package dev.vmabi.kvm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a host says of itself outside KVM.
 *
 * @param bootId {@code /proc/sys/kernel/random/boot_id}
 * @param kernelRelease as {@code uname -r}
 * @param commandLine the kernel's
 * @param cpusByMidr numbers of the online CPUs by MIDR_EL1; empty on hosts that are not arm64
 */
public record HostFacts(
        String bootId, String kernelRelease, String commandLine, SortedMap<Long, List<Integer>> cpusByMidr) {

    /** Reads {@code /proc} and {@code /sys}. */
    public static HostFacts read() {
        return read(Path.of("/"));
    }

    static HostFacts read(Path root) {
        return new HostFacts(
                line(root.resolve("proc/sys/kernel/random/boot_id")),
                line(root.resolve("proc/sys/kernel/osrelease")),
                line(root.resolve("proc/cmdline")),
                cpusByMidr(root.resolve("sys/devices/system/cpu")));
    }

    /**
     * Rules out hosts whose KVM is of no use here, without asking it.
     *
     * @throws KvmUnavailableException if this is no arm64 host, or KVM is off or in protected mode
     */
    public void requireUsableKvm() {
        if (cpusByMidr.isEmpty()) {
            throw new KvmUnavailableException(KvmState.NotArm64, "this is no arm64 host: no CPU has a MIDR_EL1");
        }
        if (commandLineHas("kvm-arm.mode=none")) {
            throw new KvmUnavailableException(
                    KvmState.Disabled, "KVM is off: the kernel was started with kvm-arm.mode=none");
        }
        if (commandLineHas("kvm-arm.mode=protected")) {
            throw new KvmUnavailableException(
                    KvmState.Protected,
                    "KVM runs in protected mode (kvm-arm.mode=protected), whose guests cannot be saved and moved");
        }
    }

    private boolean commandLineHas(String word) {
        return List.of(commandLine.split("\\s+", -1)).contains(word);
    }

    private static SortedMap<Long, List<Integer>> cpusByMidr(Path cpus) {
        SortedMap<Long, List<Integer>> byMidr = new TreeMap<>();
        Path online = cpus.resolve("online");
        if (!Files.exists(online)) {
            return byMidr;
        }
        for (int cpu : numbers(line(online))) {
            Path midr = cpus.resolve("cpu" + cpu + "/regs/identification/midr_el1");
            if (Files.exists(midr)) {
                byMidr.computeIfAbsent(Long.decode(line(midr)), _ -> new ArrayList<>())
                        .add(cpu);
            }
        }
        return byMidr;
    }

    /** Reads the kernel's list format: {@code 0-3,8}. */
    static List<Integer> numbers(String list) {
        List<Integer> numbers = new ArrayList<>();
        for (String range : list.split(",", -1)) {
            if (range.isBlank()) {
                continue;
            }
            String[] ends = range.strip().split("-", 2);
            int last = Integer.parseInt(ends[ends.length - 1]);
            for (int number = Integer.parseInt(ends[0]); number <= last; number++) {
                numbers.add(number);
            }
        }
        return numbers;
    }

    private static String line(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }
}
