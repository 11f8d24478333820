package dev.vmabi.cli;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "check",
        mixinStandardHelpOptions = true,
        description = "Say whether a VM that booted on one host can move to another, and if not, why.")
final class CheckCommand implements Callable<Integer> {

    @Mixin
    private Output output;

    @Mixin
    private VmmOption vmm;

    @Option(names = "--from", required = true, paramLabel = "FILE", description = "The host that the VM booted on.")
    private Path from;

    @Option(names = "--to", required = true, paramLabel = "FILE", description = "The host that it is to move to.")
    private Path to;

    @Option(
            names = "--clamp",
            defaultValue = "",
            paramLabel = "psci=1.1,sve=off,...",
            description = "What the VMM imposed at birth: psci, sve, pauth, pmu, sve-max-vq, steal-time.")
    private String clampText;

    @Override
    public Integer call() {
        Vmm monitor = vmm.get();
        Clamp clamp = Clamp.parse(clampText);
        Host source = HostReader.read(from);
        Host target = HostReader.read(to);
        GuestAbi guest;
        try {
            guest = source.profile().birth(clamp);
        } catch (IllegalArgumentException e) {
            throw new InputException(from + ": " + e.getMessage(), e);
        }
        Verdict verdict = target.profile().accepts(guest, monitor, clamp, source.profile());
        if (output.text()) {
            text(source, target, verdict);
        } else {
            output.tree(tree(source, target, monitor, clamp, verdict));
        }
        return verdict.accepted() ? 0 : VmAbi.REFUSED;
    }

    private void text(Host source, Host target, Verdict verdict) {
        switch (verdict) {
            case Verdict.Accepted accepted -> output.line("@|green accept|@");
            case Verdict.OneWay oneWay -> {
                output.line("@|yellow accept, one-way|@: " + source.name() + " would refuse it afterwards");
                refusals(oneWay.wayBack());
            }
            case Verdict.Refused refused -> {
                output.line("@|red refuse|@");
                refusals(refused.refusals());
            }
        }
        if (!verdict.measured()) {
            output.line("not measured: what the kernel of " + target.name()
                    + " takes was computed from the catalogue, on the safe side");
        }
    }

    private void refusals(List<Refusal> refusals) {
        for (Refusal refusal : refusals) {
            output.line("  " + refusal.message());
            output.line("    cure: " + refusal.cure());
        }
    }

    private static Map<String, Object> tree(Host source, Host target, Vmm vmm, Clamp clamp, Verdict verdict) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("from", source.name());
        tree.put("to", target.name());
        tree.put("vmm", vmm.toString());
        tree.put("clamp", clamp.toString());
        tree.put("accepted", verdict.accepted());
        tree.put("measured", verdict.measured());
        switch (verdict) {
            case Verdict.Accepted accepted -> tree.put("verdict", "accept");
            case Verdict.OneWay oneWay -> {
                tree.put("verdict", "one-way");
                tree.put("additions", oneWay.additions().stream().map(Trees::of).toList());
                tree.put("wayBack", Trees.refusals(oneWay.wayBack()));
            }
            case Verdict.Refused refused -> {
                tree.put("verdict", "refuse");
                tree.put("refusals", Trees.refusals(refused.refusals()));
            }
        }
        return tree;
    }
}
