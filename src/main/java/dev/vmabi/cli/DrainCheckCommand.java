package dev.vmabi.cli;

import dev.vmabi.abi.Digest;
import dev.vmabi.fleet.Destinations.Barrier;
import dev.vmabi.fleet.DrainCheck;
import dev.vmabi.fleet.FleetState.Vm;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "drain-check",
        mixinStandardHelpOptions = true,
        description = "Say before a drain which VMs of a node have nowhere to go, and why.",
        footer = {
            "",
            "Going by guest ABI alone: room on the other nodes, and whether KubeVirt can migrate a VM at all, are not"
                    + " looked at.",
            "Exit code: 0 every VM can leave, 1 some cannot, 2 bad input."
        })
final class DrainCheckCommand implements Callable<Integer> {
    private static final int MOST_BARRIERS = 5;

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Parameters(paramLabel = "NODE", description = "The node that is to be drained.")
    private String node;

    @Override
    public Integer call() {
        ClusterAccess.View view = cluster.view();
        if (view.fleet().node(node).isEmpty()) {
            throw new InputException("there is no node " + Keys.shown(node));
        }
        DrainCheck check = DrainCheck.of(view.fleet(), node);
        int exit = check.stay().isEmpty() ? 0 : VmAbi.REFUSED;
        if (!output.text()) {
            output.tree(tree(check));
            return exit;
        }
        int all = check.leave().size() + check.stay().size() + check.free().size();
        output.line("@|bold " + node + "|@: " + all + (all == 1 ? " VM, " : " VMs, ")
                + check.leave().size() + " can leave, " + check.stay().size() + " cannot, "
                + check.free().size() + " under no policy");
        for (DrainCheck.Stays stays : check.stay()) {
            output.line(
                    "@|red " + stays.vm().key() + "|@ (policy " + stays.policy().name() + "): " + stays.why());
            List<List<String>> rows = new ArrayList<>();
            stays.barriers().stream()
                    .limit(output.wide() ? Long.MAX_VALUE : MOST_BARRIERS)
                    .forEach(b -> rows.add(List.of(b.node(), b.reason())));
            output.table(rows);
            if (stays.barriers().size() > rows.size()) {
                output.line("  and " + (stays.barriers().size() - rows.size()) + " more (-o wide shows all)");
            }
        }
        if (!check.leave().isEmpty()) {
            output.line("by guest ABI; whether the other nodes have room was not looked at");
        }
        return exit;
    }

    private static Map<String, Object> tree(DrainCheck check) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("leave", check.leave().stream().map(Vm::key).toList());
        tree.put("stay", check.stay().stream().map(DrainCheckCommand::tree).toList());
        tree.put("free", check.free().stream().map(Vm::key).toList());
        return tree;
    }

    private static Map<String, Object> tree(DrainCheck.Stays stays) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("vm", stays.vm().key());
        tree.put("policy", stays.policy().name());
        tree.put("guestAbi", stays.guestAbi().map(Digest::hex).orElse(null));
        tree.put("why", stays.why());
        Map<String, String> barriers = new LinkedHashMap<>();
        for (Barrier barrier : stays.barriers()) {
            barriers.put(barrier.node(), barrier.reason());
        }
        tree.put("barriers", barriers);
        return tree;
    }
}
