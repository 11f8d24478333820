package dev.vmabi.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * A kind of emulated host.
 *
 * @param kernel series as in the cache's {@code kernels.list}: 5.10, 6.1, 6.12, 6.18, newest
 * @param cpu name of the emulated CPU
 * @param argument added to the kernel's command line; empty for a host as it comes
 */
record LabHost(String kernel, String cpu, String argument) {

    private static final List<String> KERNELS = List.of("5.10", "6.1", "6.12", "6.18", "newest");
    private static final List<String> CPUS = List.of("cortex-a57", "neoverse-n1", "max");

    LabHost(String kernel, String cpu) {
        this(kernel, cpu, "");
    }

    /** Every kernel on every CPU; first those that a short run should have: two kernels on one CPU. */
    static List<LabHost> all() {
        List<LabHost> hosts = new ArrayList<>(List.of(
                new LabHost("6.12", "neoverse-n1"),
                new LabHost("6.18", "neoverse-n1"),
                new LabHost("newest", "cortex-a57"),
                new LabHost("6.12", "max")));
        for (String kernel : KERNELS) {
            for (String cpu : CPUS) {
                LabHost host = new LabHost(kernel, cpu);
                if (!hosts.contains(host)) {
                    hosts.add(host);
                }
            }
        }
        return hosts;
    }

    /** Fit for a node's name. */
    String name() {
        String plain = "linux-" + kernel.replace('.', '-') + "-" + cpu;
        return argument.isEmpty()
                ? plain
                : plain + "-" + argument.replaceAll("[^a-z]+", " ").strip().replace(' ', '-');
    }

    /**
     * The node pool, which has one policy: hosts of one CPU. Kernels before 6.12 have one of their own, since they lower
     * next to no ID register: no pin holds for all five kernels.
     */
    String pool() {
        if (!argument.isEmpty()) {
            return "apart";
        }
        return kernel.equals("5.10") || kernel.equals("6.1") ? cpu + "-old" : cpu;
    }

    /** QEMU's option. The quick pointer authentication algorithm: the architected one takes most of the CPU's time. */
    String cpuOption() {
        return cpu.equals("max") ? "max,pauth-impdef=on" : cpu;
    }
}
