package dev.vmabi.cli;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.kvm.HostFacts;
import dev.vmabi.kvm.KvmException;
import dev.vmabi.kvm.KvmState;
import dev.vmabi.kvm.KvmUnavailableException;
import dev.vmabi.kvm.LinuxKernel;
import dev.vmabi.kvm.Proof;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "prove",
        mixinStandardHelpOptions = true,
        description = {
            "Write guest ABIs to scratch VMs of this host and read them back: the kernel's own answer.",
            "Whether a VMM restores a guest whose registers the kernel does not list is for `check` to say."
        })
final class ProveCommand implements Callable<Integer> {

    @Mixin
    private Output output;

    @Option(
            names = "--writable-implementation-id",
            description = "Let the scratch VM have another MIDR, REVIDR and AIDR, where the kernel can.")
    private boolean writableImplementationId;

    @Parameters(paramLabel = "GUEST", arity = "1..*", description = "Guest ABIs, or hosts for what they show a guest.")
    private List<Path> files;

    @Override
    public Integer call() {
        Proof proof = new Proof(new LinuxKernel(), writableImplementationId);
        boolean accepted = true;
        List<Map<String, Object>> results = new ArrayList<>();
        try {
            HostFacts.read().requireUsableKvm();
            for (Path file : files) {
                GuestAbi abi = HostReader.readGuestAbi(file);
                Proof.Result result = proof.prove(abi);
                accepted &= result.accepted();
                if (output.text()) {
                    text(file, result);
                } else {
                    results.add(tree(file, abi, result));
                }
            }
        } catch (KvmUnavailableException e) {
            output.note("vmabi: " + e.state() + ": " + e.getMessage());
            return VmAbi.REFUSED;
        } catch (KvmException e) {
            output.note("vmabi: " + KvmState.ProbeFailed + ": " + e.getMessage());
            return VmAbi.REFUSED;
        }
        if (!output.text()) {
            output.tree(results);
        }
        return accepted ? 0 : VmAbi.REFUSED;
    }

    private void text(Path file, Proof.Result result) {
        output.line(file + ": " + (result.accepted() ? "@|green accept|@" : "@|red refuse|@"));
        output.table(result.refused().stream()
                .map(one -> List.of(one.what(), one.outcome().name(), "guest " + one.wanted(), "host " + one.offered()))
                .toList());
    }

    private static Map<String, Object> tree(Path file, GuestAbi abi, Proof.Result result) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("file", file.toString());
        tree.put("guestABI", abi.digest().hex());
        tree.put("accepted", result.accepted());
        tree.put("valuesTaken", result.valuesTaken());
        tree.put("absent", result.absent());
        tree.put("refused", result.refused());
        return tree;
    }
}
