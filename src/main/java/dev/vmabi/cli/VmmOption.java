package dev.vmabi.cli;

import dev.vmabi.abi.Vmm;
import picocli.CommandLine.Option;

/** The option that names the VMM. */
final class VmmOption {

    @Option(
            names = "--vmm",
            defaultValue = "qemu:10.0",
            paramLabel = "NAME[:VERSION]",
            description = "qemu, firecracker, cloud-hypervisor or generic, with its version as in qemu:11.1"
                    + " (default: ${DEFAULT-VALUE}).")
    private String text;

    Vmm get() {
        return Vmm.parse(text);
    }
}
