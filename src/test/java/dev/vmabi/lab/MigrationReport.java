package dev.vmabi.lab;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Verdict;
import java.util.List;
import java.util.Map;

/**
 * The measured matrix as a page of documentation.
 *
 * @param releases of the kernels, by host
 * @param qemus what each QEMU says of its version
 * @param pins by CPU
 * @param faults what is off; a page with faults says so
 */
record MigrationReport(
        List<LabHost> hosts,
        Map<String, HostProfile> profiles,
        Map<String, String> releases,
        List<String> qemus,
        Map<String, LabMigrate.Pin> pins,
        List<LabMigrate.Restore> restores,
        List<String> faults) {

    private static final String TITLE = """
            # Migrations measured in the lab

            Written by `make lab-migrate`: Debian's arm64 QEMU with `-accel kvm` inside emulated hosts saved a VM that never ran
            (`-M virt-10.0,accel=kvm,gic-version=3`, one vCPU) by `migrate file:` and loaded it by `-incoming file:`. Rows are where
            the VM was born, columns where it was restored: **yes** restored, **one-way** restored, but the first host would not
            take it back, **no** refused, *-* not tried: between unlike CPUs, which no clamp makes alike, one birth is enough.

            """;
    private static final String EXPORTED = """

            ## VMs born under the pin

            The pin of a CPU is the minimum of its hosts with 6.12 and 6.18 for QEMU 11.1; `vmabi export --format qemu-cpu` of
            their two profiles wrote the argument of `-cpu`. A guest started with it, and one of every other birth, printed what it
            reads of its own ID registers, caches, PSCI version, workarounds, hypercalls and SVE lengths: equal to the pin, and to
            the birth ABI that the project computes.

            | CPU | `-cpu` | pin |
            |---|---|---|
            """;

    String text() {
        StringBuilder page = new StringBuilder(TITLE);
        page.append(
                faults.isEmpty()
                        ? "Every entry is what QEMU did and what `vmabi check` predicted, and agrees with what the kernel proved.\n\n"
                        : "**" + faults.size() + " predictions or checks failed in this run.**\n\n");
        qemus.forEach(qemu -> page.append("- ").append(qemu).append('\n'));
        page.append("\n| host | kernel | guest ABI |\n|---|---|---|\n");
        for (LabHost host : hosts) {
            page.append("| %s | %s | `%s` |%n"
                    .formatted(
                            host.name(),
                            releases.get(host.name()),
                            profiles.get(host.name()).defaultGuestAbi().digest().label()));
        }
        for (LabMigrate.Birth birth : LabMigrate.BIRTHS) {
            if (birth.pinned()) {
                page.append(EXPORTED);
                pins.forEach((cpu, pin) -> page.append("| %s | `%s` | `%s` |%n"
                        .formatted(cpu, pin.cpu(), pin.minimum().abi().digest().label())));
            }
            matrix(page, birth);
        }
        return page.toString();
    }

    private void matrix(StringBuilder page, LabMigrate.Birth birth) {
        page.append("\n## QEMU ").append(birth.vmm().version());
        page.append(birth.pinned() ? ", under the pin" : ", no clamp").append("\n\n| from \\ to |");
        hosts.forEach(host -> page.append(' ').append(shortName(host)).append(" |"));
        page.append("\n|---|").append("---|".repeat(hosts.size())).append('\n');
        for (LabHost from : hosts) {
            page.append("| ").append(shortName(from)).append(" |");
            for (LabHost to : hosts) {
                page.append(' ').append(entry(from, to, birth)).append(" |");
            }
            page.append('\n');
        }
    }

    private String entry(LabHost from, LabHost to, LabMigrate.Birth birth) {
        LabMigrate.Restore restore = restores.stream()
                .filter(r -> r.from().equals(from.name())
                        && r.to().equals(to.name())
                        && r.birth().equals(birth))
                .findFirst()
                .orElse(null);
        if (restore == null) {
            return "-";
        }
        if (!restore.accepted()) {
            return "no";
        }
        HostProfile origin = profiles.get(from.name());
        Clamp clamp = birth.pinned() ? pins.get(from.cpu()).minimum().clamp() : Clamp.NONE;
        GuestAbi abi = origin.birth(clamp);
        Verdict verdict = profiles.get(to.name()).accepts(abi, birth.vmm(), clamp, origin);
        return verdict instanceof Verdict.OneWay ? "one-way" : "yes";
    }

    private static String shortName(LabHost host) {
        return host.kernel() + " " + host.cpu();
    }
}
