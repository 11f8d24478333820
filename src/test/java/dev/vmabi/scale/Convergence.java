package dev.vmabi.scale;

import static dev.vmabi.scale.Trial.await;
import static dev.vmabi.scale.Trial.difference;
import static dev.vmabi.scale.Trial.since;

import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.demo.Story;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

/** How long the operator takes until all is right, after an installation and after a restart; and then nothing to do. */
final class Convergence {
    private static final Duration REST = Duration.ofSeconds(30);
    private static final String POLICY = """
            apiVersion: vmabi.dev/v1alpha1
            kind: VirtualMachineABI
            metadata: {name: pool}
            spec:
              nodeSelector: {matchLabels: {example.com/pool: pool}}
              vmm: {name: qemu, minimumVersion: "11.1"}
              enforcement: Enforce
            """;

    private final Trial trial;
    private final ScaleTable table;

    Convergence(Trial trial) {
        this.trial = trial;
        this.table = trial.table();
    }

    /** An operator that comes to a fleet that has never been pinned: every node is labelled, every VM stamped. */
    void firstPin() {
        int nodes = trial.size().nodes();
        int vms = trial.size().vms();
        int stamped = trial.size().brief() ? 0 : vms;
        Floor.Patches floor = Floor.patches(trial.kubeconfig(), trial.size().heapMiB(), nodes, stamped);
        trial.startOperator();
        OperatorWatch operator = trial.operator();
        operator.awaitWrites("NodeABI", Map.of(), nodes);
        trial.cost("every report answered, without a policy", Duration.ZERO);
        Map<String, Long> written = operator.writes();
        ApiCounts before = ApiCounts.of(trial.client());
        Duration cpu = operator.cpu();
        long start = System.nanoTime();
        trial.client()
                .load(new ByteArrayInputStream(POLICY.getBytes(StandardCharsets.UTF_8)))
                .serverSideApply();
        operator.awaitWrites("Node", written, nodes);
        operator.awaitWrites("NodeABI", written, nodes);
        Duration labelled = since(start);
        operator.awaitWrites("VirtualMachineInstance", written, stamped);
        await("the policy to say so", () -> {
            VirtualMachineABIStatus status = trial.status();
            return status != null
                    && status.nodes().accepting() == nodes
                    && status.virtualMachines().total() == vms
                    && status.virtualMachines().unknown() == 0;
        });
        Duration all = since(start);
        table.row("first pin: nodes labelled and answered", labelled, floor.nodes(), "as many patches, bare");
        table.row("first pin: and every VM stamped", all, floor.nodes().plus(floor.vms()), "as many patches, bare");
        table.say("first pin: writes " + difference(written, operator.writes()));
        trial.cost("first pin", cpu);
        table.counts("first pin", ApiCounts.of(trial.client()).since(before));
    }

    void rest() {
        OperatorWatch operator = trial.operator();
        Map<String, Long> before = operator.writes();
        ApiCounts counts = ApiCounts.of(trial.client());
        Duration cpu = operator.cpu();
        Story.pause(REST);
        Map<String, Long> written = difference(before, operator.writes());
        table.say("at rest, " + REST.toSeconds() + " s: " + (written.isEmpty() ? "no write" : "writes " + written));
        trial.cost("at rest", cpu);
        table.counts(
                "at rest (this trial's own reads of metrics among them)",
                ApiCounts.of(trial.client()).since(counts));
    }

    void restart() {
        trial.operator().operator().kill();
        Floor.Lists floor = Floor.lists(trial.kubeconfig(), trial.size().heapMiB());
        ApiCounts before = ApiCounts.of(trial.client());
        long start = System.nanoTime();
        trial.startOperator();
        Duration ready = since(start);
        await("the gate to answer", () -> {
            try {
                return new ScalePods(trial.client()).steered(Trial.vm(0));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        Duration answered = since(start);
        table.row(
                "restart: process start to first right answer of the gate",
                answered,
                floor.lists(),
                "a bare list of the same objects, without the start of its process");
        table.say("restart: ready after %d ms; the bare client's process took %d ms from its start"
                .formatted(ready.toMillis(), floor.process().toMillis()));
        table.counts("restart", ApiCounts.of(trial.client()).since(before));
        trial.cost("restart", Duration.ZERO);
        awaitLead();
    }

    /** A lease that was not given up is waited for; changes before that would only measure the wait. */
    private void awaitLead() {
        await("the lease", () -> trial.operator().operator().metrics().contains("vmabi_leader 1.0"));
        trial.operator().awaitQuiet();
    }
}
