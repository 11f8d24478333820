package dev.vmabi.cli;

import dev.vmabi.api.VirtualMachineABIStatus.Change;
import dev.vmabi.fleet.FleetState.Policy;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "history",
        mixinStandardHelpOptions = true,
        description = "Show the last changes of a policy's baseline, newest first.")
final class HistoryCommand implements Runnable {

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(paramLabel = "POLICY", description = "The policy.")
    private String name;

    @Override
    public void run() {
        Policy policy = cluster.view().policy(name);
        List<Change> history =
                policy.status() == null ? List.of() : policy.status().history();
        if (!output.text()) {
            output.tree(history);
            return;
        }
        if (history.isEmpty()) {
            output.line("Nothing has been pinned yet.");
            return;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("AT", "WHAT", "GEN", "BASELINE", "WHY"));
        history.forEach(c -> rows.add(List.of(
                c.at(),
                c.what(),
                Long.toString(c.generation()),
                c.digest().substring(0, 16),
                c.why() == null ? "" : c.why())));
        output.table(rows);
    }
}
