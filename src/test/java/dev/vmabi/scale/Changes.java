package dev.vmabi.scale;

import static dev.vmabi.scale.Trial.await;
import static dev.vmabi.scale.Trial.difference;
import static dev.vmabi.scale.Trial.node;
import static dev.vmabi.scale.Trial.since;

import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.cli.Host;
import dev.vmabi.demo.Story;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.function.IntFunction;

/** What happens to a pinned fleet, and what each of it costs. */
final class Changes {
    private static final int SINGLE = 10;
    private static final int ROLLED = 100;
    private static final int RACK = 40;
    private static final Duration BETWEEN = Duration.ofMillis(50);

    private final Trial trial;
    private final ScaleTable table;

    Changes(Trial trial) {
        this.trial = trial;
        this.table = trial.table();
    }

    /** One node reboots into another profile, and nothing else happens. */
    void single() {
        // The first ones run code that is not compiled yet.
        reboots(0);
        OperatorWatch operator = trial.operator();
        operator.awaitQuiet();
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        Duration labelled = reboots(SINGLE);
        table.say("one node's report to its labels: %d ms; %d ms of the operator's processor for each reboot and report"
                .formatted(
                        labelled.toMillis() / SINGLE, operator.cpu().minus(cpu).toMillis() / SINGLE));
        table.say("writes for " + SINGLE + " reboots: " + difference(before, operator.writes()));
    }

    /** Reboots {@value #SINGLE} nodes from this one on, one after another; returns how long they waited for their labels. */
    private Duration reboots(int from) {
        OperatorWatch operator = trial.operator();
        long nanos = 0;
        for (int i = from; i < from + SINGLE; i++) {
            Map<String, Long> writes = operator.writes();
            String boot = UUID.randomUUID().toString();
            Host next = trial.host(i, 1);
            trial.fleet().boot(node(i), next, boot);
            operator.awaitWrites("Node", writes, 1);
            long reported = System.nanoTime();
            trial.fleet().report(node(i), next, boot);
            awaitLabelled(node(i));
            nanos += System.nanoTime() - reported;
        }
        Story.pause(Duration.ofSeconds(1));
        return Duration.ofNanos(nanos);
    }

    private void awaitLabelled(String name) {
        String label = Names.nodeLabel(trial.pin().digest());
        await(
                name + " to be labelled",
                () -> "true"
                        .equals(trial.client()
                                .nodes()
                                .withName(name)
                                .get()
                                .getMetadata()
                                .getLabels()
                                .get(label)));
    }

    /** A new kernel goes through the pool node by node. */
    void rollOut() {
        OperatorWatch operator = trial.operator();
        int rolled = Math.min(ROLLED, trial.size().nodes());
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        long start = System.nanoTime();
        for (int i = 0; i < rolled; i++) {
            reboot(i, 2);
            Story.pause(BETWEEN);
        }
        long last = System.nanoTime();
        trial.awaitAllAccept(trial.size().nodes());
        table.say("roll-out over %d nodes, one each %d ms: right again %d ms after the last; writes %s"
                .formatted(
                        rolled,
                        (last - start) / rolled / 1_000_000,
                        since(last).toMillis(),
                        difference(before, operator.writes())));
        trial.cost("roll-out", cpu);
    }

    private void reboot(int i, int times) {
        String boot = UUID.randomUUID().toString();
        trial.fleet().boot(node(i), trial.host(i, times), boot);
        trial.fleet().report(node(i), trial.host(i, times), boot);
    }

    /** Every node boots at once, and their agents report as they come up. */
    void massReboot() {
        OperatorWatch operator = trial.operator();
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        long start = System.nanoTime();
        SimulatedFleet.parallel(trial.size().nodes(), i -> reboot(i, 3));
        Duration reported = since(start);
        trial.awaitAllAccept(trial.size().nodes());
        table.row("mass reboot to all labelled again", since(start), reported, "the kubelets' and agents' own writes");
        table.say("mass reboot: writes " + difference(before, operator.writes()));
        trial.cost("mass reboot", cpu);
    }

    void bootsAndMigrations() throws IOException {
        OperatorWatch operator = trial.operator();
        // VMs outlive their nodes' reboots here, and are stamped anew then.
        operator.awaitQuiet();
        ScalePods pods = new ScalePods(trial.client());
        IntFunction<String> vms = i -> Trial.vm(i % trial.size().vms());
        IntFunction<String> nodes = i -> node(i % trial.size().nodes());
        Map<String, Long> cold = operator.writes();
        pods.warm(vms, nodes);
        operator.awaitWrites("VirtualMachineInstance", cold, ScalePods.WARM);
        operator.awaitQuiet();
        Map<String, Long> before = operator.writes();
        Duration cpu = operator.cpu();
        pods.load(table, vms, nodes);
        operator.awaitWrites("VirtualMachineInstance", before, ScalePods.BOOTS);
        table.say("boots and migrations: writes " + difference(before, operator.writes()));
        trial.cost("boots and migrations", cpu);
    }

    void rackLoss() {
        Duration cpu = trial.operator().cpu();
        int nodes = trial.size().nodes();
        int lost = Math.min(RACK, nodes / 2);
        long start = System.nanoTime();
        for (int i = nodes - lost; i < nodes; i++) {
            var _ = trial.client().nodes().withName(node(i)).delete();
            var _ = trial.client().resources(NodeABI.class).withName(node(i)).delete();
        }
        trial.awaitAllAccept(nodes - lost);
        table.say("%d nodes gone: the policy counts right %d ms after the first went"
                .formatted(lost, since(start).toMillis()));
        trial.cost("rack loss", cpu);
    }
}
