package dev.vmabi.cli;

import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.FleetState.Policy;
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
        name = "raise",
        mixinStandardHelpOptions = true,
        description = "Show what a policy's baseline could be raised to, and approve it.",
        footer = {"", "Exit code: 0 approved, or there is something to approve; 1 there is nothing."})
final class RaiseCommand implements Callable<Integer> {

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(paramLabel = "POLICY", description = "The policy.")
    private String name;

    @Option(
            names = "--approve",
            paramLabel = "DIGEST",
            description = "Approve the guest ABI of this digest, or of at least its first 16 digits: the candidate,"
                    + " or the baseline before the last raise, to go back.")
    private String approve;

    @Override
    public Integer call() {
        Policy policy = cluster.view().policy(name);
        VirtualMachineABIStatus status = policy.status();
        if (approve != null) {
            return approve(policy, status);
        }
        boolean any = status != null && (status.candidate() != null || status.previous() != null);
        if (!output.text()) {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("candidate", status == null ? null : status.candidate());
            tree.put("previous", status == null ? null : status.previous());
            output.tree(tree);
            return any ? 0 : VmAbi.REFUSED;
        }
        if (!any) {
            output.line("There is nothing to raise " + name + " to; kubectl vmabi holds-down " + name + " says why.");
            return VmAbi.REFUSED;
        }
        if (status.candidate() != null) {
            VirtualMachineABIStatus.Candidate candidate = status.candidate();
            output.line("@|bold candidate|@ " + candidate.digest());
            output.line("  proved by " + candidate.proved() + " of " + candidate.needed() + " nodes"
                    + (candidate.soakEndsAt() == null ? "" : ", soak ends " + candidate.soakEndsAt()));
            output.line("  guests would gain: " + listed(candidate.gains()));
            output.line("  guests would lose: " + listed(candidate.losses()));
            output.line("  approve it: kubectl vmabi raise " + name + " --approve " + candidate.digest());
        }
        if (status.previous() != null) {
            output.line("@|bold way back|@ " + status.previous().digest() + ", until "
                    + status.previous().finalisedAt());
            output.line("  go back: kubectl vmabi raise " + name + " --approve "
                    + status.previous().digest());
        }
        return 0;
    }

    private int approve(Policy policy, VirtualMachineABIStatus status) {
        List<String> choices = new ArrayList<>();
        if (status != null && status.candidate() != null) {
            choices.add(status.candidate().digest());
        }
        if (status != null && status.previous() != null) {
            choices.add(status.previous().digest());
        }
        boolean enough = approve.length() >= 16;
        String digest = choices.stream()
                .filter(c -> enough && c.startsWith(approve))
                .findFirst()
                .orElseThrow(() -> new InputException("--approve " + Keys.shown(approve)
                        + ": is neither the candidate of " + name + " nor the baseline before its last raise"
                        + (choices.isEmpty() ? "; it has neither" : "; choose from " + String.join(", ", choices))));
        cluster.approve(policy.name(), digest);
        boolean proved = status.candidate() == null
                || !status.candidate().digest().equals(digest)
                || status.candidate().proved() == status.candidate().needed();
        output.line("approved " + digest + " for " + name
                + (proved
                        ? ""
                        : "; it is pinned once all " + status.candidate().needed() + " nodes have proved it ("
                                + status.candidate().proved() + " have)"));
        return 0;
    }

    private static String listed(List<String> names) {
        return names.isEmpty() ? "nothing" : String.join(", ", names);
    }
}
