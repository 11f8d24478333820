package dev.vmabi.cli;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.kvm.HostFacts;
import dev.vmabi.kvm.KvmException;
import dev.vmabi.kvm.KvmState;
import dev.vmabi.kvm.KvmUnavailableException;
import dev.vmabi.kvm.LinuxKernel;
import dev.vmabi.kvm.Probe;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "probe",
        mixinStandardHelpOptions = true,
        description = {
            "Read what this host's KVM shows a guest and try what its kernel takes.",
            "Needs /dev/kvm and no cluster; -o json or yaml writes the host as a profile."
        })
final class ProbeCommand implements Callable<Integer> {

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Probe probe = new Probe(new LinuxKernel());
        HostFacts facts = HostFacts.read();
        HostProfile profile;
        try {
            facts.requireUsableKvm();
            profile = probe.profile();
        } catch (KvmUnavailableException e) {
            output.note("vmabi: " + e.state() + ": " + e.getMessage());
            return VmAbi.REFUSED;
        } catch (KvmException e) {
            output.note("vmabi: " + KvmState.ProbeFailed + ": " + e.getMessage());
            return VmAbi.REFUSED;
        }
        if (output.text()) {
            text(probe, facts, profile);
        } else {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("apiVersion", "vmabi.dev/v1alpha1");
            tree.put("kind", "ABIProfile");
            tree.put("metadata", Map.of("name", profile.digest().hex()));
            tree.put("spec", ABIProfileSpec.fromHostProfile(profile));
            output.tree(tree);
        }
        return 0;
    }

    private void text(Probe probe, HostFacts facts, HostProfile profile) {
        GuestAbi abi = profile.defaultGuestAbi();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("kernel", facts.kernelRelease()));
        facts.cpusByMidr()
                .forEach((midr, cpus) ->
                        rows.add(List.of("CPUs", cpus.size() + " of MIDR 0x" + Long.toHexString(midr))));
        rows.add(List.of("profile", profile.digest().hex()));
        rows.add(List.of("guest ABI", abi.digest().hex()));
        rows.add(List.of(
                "registers",
                abi.registerIds().size() + " listed, " + abi.registers().size() + " define the ABI"));
        rows.add(List.of(
                "vCPU features", abi.vcpuFeatures().stream().map(Enum::name).collect(Collectors.joining(" "))));
        rows.add(List.of(
                "vGIC",
                probe.vgicKinds()
                        + (abi.vgicRevision().isPresent()
                                ? ", revision " + abi.vgicRevision().getAsInt()
                                : "")));
        output.table(rows);
        output.line("@|bold guest ABI by vCPU features|@");
        output.table(probe.byFeatureSet().entrySet().stream()
                .map(set -> List.of(set.getKey(), set.getValue().digest().label()))
                .toList());
        output.line("@|bold registers that follow another one|@");
        output.table(probe.dependentRegisters().entrySet().stream()
                .map(entry -> List.of(
                        entry.getKey().name(),
                        entry.getValue().stream().map(id -> id.name()).collect(Collectors.joining(" "))))
                .toList());
        output.line("@|bold features|@");
        output.line("  " + String.join(" ", abi.features()));
    }
}
