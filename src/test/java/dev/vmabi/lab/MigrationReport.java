package dev.vmabi.lab;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Verdict;
import java.util.List;
import java.util.Map;

/** The measured matrix as a page of documentation. */
record MigrationReport(
        List<LabHost> kinds,
        Map<String, HostProfile> profiles,
        Map<String, String> releases,
        List<LabMigrate.Restore> restores) {

    String text(List<String> pinLines) {
        StringBuilder page = new StringBuilder();
        page.append("# Migrations measured in the lab\n\n");
        page.append(
                        "Written by `make lab-migrate`: Debian's arm64 QEMU with `-accel kvm` inside emulated hosts saved a")
                .append(" VM that never ran\n(`-M virt-10.0,accel=kvm,gic-version=3 -cpu host`, one vCPU) by")
                .append(" `migrate file:` and loaded it by `-incoming file:`. Rows are\nwhere the VM was born, columns")
                .append(" where it was restored: **yes** restored, **one-way** restored, but the first host would\n")
                .append(
                        "not take it back, **no** refused. Every entry is what QEMU did, and what `vmabi check` predicted.\n\n");
        page.append("| host | kernel | guest ABI |\n|---|---|---|\n");
        for (LabHost kind : kinds) {
            page.append("| ")
                    .append(kind.name())
                    .append(" | ")
                    .append(releases.get(kind.name()))
                    .append(" | `")
                    .append(profiles.get(kind.name()).defaultGuestAbi().digest().label())
                    .append("` |\n");
        }
        for (LabMigrate.Birth birth : LabMigrate.BIRTHS) {
            matrix(page, birth);
        }
        page.append("\n## Unlike CPUs on the newest kernel\n\n");
        page.append("The most that two hosts have in common, with and without writable implementation ID")
                .append(" (KVM_CAP_ARM_WRITABLE_IMP_ID_REGS), with SVE and\npointer authentication on and off.\n\n");
        page.append("| one | other | writable MIDR | SVE, PAuth | common pin |\n|---|---|---|---|---|\n");
        pinLines.forEach(line -> page.append(line).append('\n'));
        return page.toString();
    }

    private void matrix(StringBuilder page, LabMigrate.Birth birth) {
        page.append("\n## QEMU ").append(birth.qemu().equals("10") ? "10.0" : "11.1");
        page.append(birth.clamp().isNone() ? ", no clamp" : ", " + birth.clamp())
                .append("\n\n| from \\ to |");
        kinds.forEach(kind -> page.append(' ').append(shortName(kind)).append(" |"));
        page.append("\n|---|").append("---|".repeat(kinds.size())).append('\n');
        for (LabHost from : kinds) {
            page.append("| ").append(shortName(from)).append(" |");
            for (LabHost to : kinds) {
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
            return "not tried";
        }
        if (!restore.accepted()) {
            return "no";
        }
        HostProfile origin = profiles.get(from.name());
        GuestAbi abi = origin.birth(birth.clamp());
        Verdict verdict = profiles.get(to.name()).accepts(abi, birth.vmm(), birth.clamp(), origin);
        return verdict instanceof Verdict.OneWay ? "one-way" : "yes";
    }

    private static String shortName(LabHost kind) {
        return kind.kernel() + " " + kind.cpu();
    }
}
