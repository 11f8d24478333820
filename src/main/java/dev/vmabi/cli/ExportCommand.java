package dev.vmabi.cli;

import dev.vmabi.abi.Catalogue;
import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.Field;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.RegisterKind;
import dev.vmabi.abi.VcpuFeature;
import dev.vmabi.abi.Vmm;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Standing;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description =
                "Write a baseline, or the minimum of hosts, in the form that a VMM takes; what it cannot impose goes to"
                        + " standard error.")
final class ExportCommand implements Callable<Integer> {

    @Mixin
    private Output output;

    @Option(
            names = "--format",
            required = true,
            paramLabel = "FORMAT",
            description = "qemu-cpu (an argument of -cpu), firecracker-template (JSON) or registers.")
    private String format;

    @Option(
            names = "--vmm",
            paramLabel = "NAME[:VERSION]",
            description =
                    "The VMM (default: qemu:11.1 for qemu-cpu, firecracker for firecracker-template, else generic).")
    private String vmm;

    @Option(names = "--exclude", split = ",", paramLabel = "FEATURE", description = "Features that nobody is to get.")
    private Set<String> exclude = Set.of();

    @Option(
            names = "--policy",
            paramLabel = "POLICY",
            description = "The baseline of this policy in the cluster, instead of the minimum of hosts from files.")
    private String policy;

    @Mixin
    private ClusterAccess cluster;

    @Parameters(arity = "0..*", paramLabel = "DIR|FILE", description = "The hosts.")
    private List<Path> paths = List.of();

    @Override
    public Integer call() {
        String standard = switch (format) {
            case "qemu-cpu" -> "qemu:11.1";
            case "firecracker-template" -> "firecracker";
            case "registers" -> "generic";
            default ->
                throw new InputException(
                        "--format " + Keys.shown(format) + ": use qemu-cpu, firecracker-template or registers");
        };
        if (paths.isEmpty() == (policy == null)) {
            throw new InputException("name either hosts or a --policy");
        }
        if (policy != null) {
            return ofPolicy();
        }
        Vmm monitor = Vmm.parse(vmm == null ? standard : vmm);
        List<HostProfile> hosts =
                HostReader.readAll(paths).stream().map(Host::profile).toList();
        if (!(Minimum.of(hosts, monitor, new Exclusions(exclude)) instanceof Minimum.Common common)) {
            output.note("vmabi: these hosts have no minimum under " + monitor + "; vmabi plan says why");
            return VmAbi.REFUSED;
        }
        write(common.abi(), common.clamp(), hosts);
        return 0;
    }

    private int ofPolicy() {
        ClusterAccess.View view = cluster.view();
        Policy of = view.policy(policy);
        if (of.status() == null || of.status().baseline() == null) {
            output.note(
                    "vmabi: policy " + policy + " has no baseline yet; kubectl vmabi status " + policy + " says why");
            return VmAbi.REFUSED;
        }
        Digest digest = Digest.parse(of.status().baseline().digest());
        GuestAbi pin = view.fleet()
                .guestAbi(digest)
                .orElseThrow(() ->
                        new InputException("GuestABI " + digest.hex() + " is not in the cluster, or does not hold"));
        String clamp = of.status().baseline().clamp();
        // A fenced host cannot give its guests the pin: what is missing there is not the VMM's to impose.
        List<HostProfile> hosts = view.fleet().pool(of).stream()
                .filter(n -> n.guestAbiLabels().contains(digest.label()))
                .map(n -> view.fleet().standing(n.name()))
                .filter(Standing.Fresh.class::isInstance)
                .map(s -> ((Standing.Fresh) s).profile())
                .distinct()
                .toList();
        write(pin, clamp == null || clamp.isEmpty() ? Clamp.NONE : Clamp.parse(clamp), hosts);
        return 0;
    }

    private void write(GuestAbi pin, Clamp clamp, List<HostProfile> hosts) {
        switch (format) {
            case "qemu-cpu" -> qemu(pin, clamp, hosts);
            case "firecracker-template" -> firecracker(pin, hosts);
            default -> registers(pin);
        }
    }

    private void qemu(GuestAbi pin, Clamp clamp, List<HostProfile> hosts) {
        StringBuilder cpu = new StringBuilder("host");
        cpu.append(clamp.sveOff() ? ",sve=off" : "");
        cpu.append(clamp.pauthOff() ? ",pauth=off" : "");
        cpu.append(clamp.pmuOff() ? ",pmu=off" : "");
        if (clamp.sveMaxVq() != 0) {
            pin.sveVectorLengths().vqs().forEach(vq -> cpu.append(",sve" + vq * 128 + "=on"));
        }
        if (clamp.psciVersion() != 0) {
            cpu.append(",kvm-psci-version=" + (clamp.psciVersion() >>> 16) + "." + (clamp.psciVersion() & 0xFFFF));
        }
        SortedSet<String> beyond = new TreeSet<>();
        for (HostProfile host : hosts) {
            beyond.addAll(differences(pin, host.birth(clamp)));
        }
        if (output.text()) {
            output.line(cpu.toString());
        } else {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("cpu", cpu.toString());
            tree.put("cannotImpose", beyond);
            output.tree(tree);
        }
        beyond.forEach(field -> output.note("cannot impose " + field));
    }

    private void firecracker(GuestAbi pin, List<HostProfile> hosts) {
        List<Map<String, String>> modifiers = new ArrayList<>();
        SortedSet<String> beyond = new TreeSet<>();
        pin.registers().forEach((id, value) -> {
            long differing = 0;
            for (HostProfile host : hosts) {
                differing |= host.defaultGuestAbi().value(id) ^ value;
            }
            if (differing != 0 && id.kind() == RegisterKind.IMPLEMENTATION_ID) {
                beyond.add(id.name());
            } else if (differing != 0) {
                Map<String, String> modifier = new LinkedHashMap<>();
                modifier.put("addr", id.hex());
                modifier.put("bitmap", bitmap(value, wholeFields(id, differing), 8 * id.size()));
                modifiers.add(modifier);
            }
        });
        for (HostProfile host : hosts) {
            for (RegisterId id : host.defaultGuestAbi().registerIds()) {
                if (!pin.registerIds().contains(id)) {
                    beyond.add(id.name() + " (listed by some hosts only)");
                }
            }
        }
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("kvm_capabilities", List.of());
        tree.put("vcpu_features", List.of(Map.of("index", 0, "bitmap", vcpuBits(pin))));
        tree.put("reg_modifiers", modifiers);
        output.json(tree);
        beyond.forEach(field -> output.note("cannot impose " + field));
    }

    private void registers(GuestAbi pin) {
        if (output.text()) {
            List<List<String>> rows = new ArrayList<>();
            pin.registers().forEach((id, value) -> rows.add(List.of(id.hex(), "0x%016x".formatted(value), id.name())));
            output.table(rows);
        } else {
            Map<String, String> tree = new LinkedHashMap<>();
            pin.registers().forEach((id, value) -> tree.put(id.hex(), "0x%016x".formatted(value)));
            output.tree(tree);
        }
    }

    private static List<String> differences(GuestAbi pin, GuestAbi birth) {
        List<String> found = new ArrayList<>();
        birth.registers().forEach((id, own) -> {
            if (!pin.registerIds().contains(id)) {
                found.add(id.name() + " (listed by some hosts only)");
                return;
            }
            long pinned = pin.value(id);
            if (own == pinned) {
                return;
            }
            List<Field> fields = Catalogue.get().fields(id);
            List<String> names = fields.stream()
                    .filter(f -> f.raw(own) != f.raw(pinned))
                    .map(f -> "%s: pin 0x%x, a host gives 0x%x".formatted(f.qualifiedName(), f.raw(pinned), f.raw(own)))
                    .toList();
            found.addAll(
                    names.isEmpty()
                            ? List.of("%s: pin 0x%x, a host gives 0x%x".formatted(id.name(), pinned, own))
                            : names);
        });
        return found;
    }

    /** All bits of every field that differs somewhere, so that a template never sets half a field. */
    private static long wholeFields(RegisterId id, long differing) {
        List<Field> fields = Catalogue.get().fields(id);
        long bits = fields.isEmpty() ? -1 : differing;
        for (Field field : fields) {
            if (field.raw(differing) != 0) {
                bits = field.insert(bits, -1);
            }
        }
        return bits;
    }

    private static String bitmap(long value, long set, int width) {
        StringBuilder bits = new StringBuilder("0b");
        for (int bit = width - 1; bit >= 0; bit--) {
            boolean given = ((set >>> bit) & 1) != 0;
            bits.append(given ? (char) ('0' + ((value >>> bit) & 1)) : 'x');
        }
        return bits.toString();
    }

    private static String vcpuBits(GuestAbi pin) {
        long on = VcpuFeature.toBits(pin.vcpuFeatures());
        long said = VcpuFeature.toBits(
                Set.of(VcpuFeature.PMU_V3, VcpuFeature.SVE, VcpuFeature.PTRAUTH_ADDRESS, VcpuFeature.PTRAUTH_GENERIC));
        return bitmap(on, said, 32);
    }
}
