package dev.vmabi.cli;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.api.ABIProfileSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "show",
        mixinStandardHelpOptions = true,
        description = "Show what a guest sees on a host; -o json or yaml writes the host as a profile.")
final class ShowCommand implements Runnable {

    @Mixin
    private Output output;

    @Parameters(paramLabel = "FILE", description = "The host.")
    private Path file;

    @Override
    public void run() {
        Host host = HostReader.read(file);
        HostProfile profile = host.profile();
        GuestAbi abi = profile.defaultGuestAbi();
        if (!output.text()) {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("apiVersion", "vmabi.dev/v1alpha1");
            tree.put("kind", "ABIProfile");
            tree.put("metadata", Map.of("name", profile.digest().hex()));
            tree.put("spec", ABIProfileSpec.fromHostProfile(profile));
            output.tree(tree);
            return;
        }
        output.line("@|bold " + host.name() + "|@ (" + host.format() + ")");
        List<List<String>> facts = new ArrayList<>();
        facts.add(List.of("kernel", host.kernelRelease().isEmpty() ? "unknown" : host.kernelRelease()));
        facts.add(List.of("profile", profile.digest().hex()));
        facts.add(List.of("guest ABI", abi.digest().hex()));
        facts.add(List.of(
                "vCPU features", abi.vcpuFeatures().stream().map(Enum::name).collect(Collectors.joining(" "))));
        facts.add(List.of(
                "SVE lengths",
                abi.sveVectorLengths().isEmpty()
                        ? "none"
                        : abi.sveVectorLengths().toString()));
        facts.add(List.of(
                "registers",
                abi.registerIds().size() + " listed, " + abi.registers().size() + " define the ABI"));
        facts.add(List.of("PSCI", psci(abi)));
        facts.add(List.of("IPA limit", profile.ipaLimitBits() == 0 ? "unknown" : profile.ipaLimitBits() + " bits"));
        facts.add(List.of("capabilities", known(profile.capabilities().size())));
        facts.add(List.of("writable masks", known(profile.writableMasks().size())));
        facts.add(List.of("taken", profile.taken().measured() ? "measured" : "unknown: computed from the catalogue"));
        output.table(facts);
        output.line("@|bold features|@");
        output.line("  " + String.join(" ", abi.features()));
        output.line("@|bold registers|@");
        List<List<String>> rows = new ArrayList<>();
        abi.registers().forEach((id, value) -> rows.add(List.of(id.hex(), "0x%016x".formatted(value), id.name())));
        output.table(rows);
    }

    private static String known(int count) {
        return count == 0 ? "unknown" : Integer.toString(count);
    }

    private static String psci(GuestAbi abi) {
        long version = abi.value(RegisterId.PSCI_VERSION);
        return (version >>> 16) + "." + (version & 0xFFFF);
    }
}
