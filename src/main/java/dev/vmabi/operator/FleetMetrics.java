package dev.vmabi.operator;

import dev.vmabi.abi.Digest;
import dev.vmabi.api.NodeABIStatus.NodeState;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.config.MeterFilter;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The fleet as Prometheus sees it: one row per policy and state, never one per node or VM. */
@ApplicationScoped
public class FleetMetrics {
    private final FleetCache cache;
    private final MultiGauge nodes;
    private final MultiGauge generation;
    private final MultiGauge candidate;
    private final MultiGauge vms;
    private final MultiGauge fences;
    private final MultiGauge raised;
    private final MultiGauge baseline;
    private final MultiGauge present;
    private final MultiGauge classes;
    private final MultiGauge conditions;
    private final MultiGauge proofs;

    FleetMetrics(FleetCache cache, MeterRegistry meters) {
        this.cache = cache;
        nodes = MultiGauge.builder("vmabi.nodes")
                .description("Nodes that a policy holds, by what it lets them do")
                .register(meters);
        generation = MultiGauge.builder("vmabi.baseline.generation")
                .description("Generation of a policy's baseline; 0 while nothing is pinned")
                .register(meters);
        candidate = MultiGauge.builder("vmabi.candidate.changes")
                .description("Features, registers and values that a raise to the candidate would gain or lose")
                .register(meters);
        vms = MultiGauge.builder("vmabi.virtual.machines")
                .description("VMs in a policy's scope, by what their guest has")
                .register(meters);
        fences = MultiGauge.builder("vmabi.fence.nodes")
                .description("Nodes past a fence, and nodes that reported")
                .register(meters);
        raised = MultiGauge.builder("vmabi.fence.raised")
                .description("1 once a fence is raised")
                .register(meters);
        baseline = MultiGauge.builder("vmabi.baseline.info")
                .description("Always 1; the label guest_abi says what a policy has pinned")
                .register(meters);
        present = MultiGauge.builder("vmabi.candidate.present")
                .description("1 while a policy could be raised or is about to be pinned")
                .register(meters);
        classes = MultiGauge.builder("vmabi.classes")
                .description("Classes of hosts in a pool that show guests the same")
                .register(meters);
        conditions = MultiGauge.builder("vmabi.policy.condition")
                .description("1 while the condition of a policy is True, 0 while it is not")
                .register(meters);
        proofs = MultiGauge.builder("vmabi.node.proofs")
                .description("Nodes of a pool by what their kernel said to the baseline or candidate")
                .register(meters);
    }

    void start(@Observes StartupEvent event) {
        cache.listen((before, now) -> update(now));
    }

    /** The Java Operator SDK 5.3.2 registers this meter with and without the tag; Prometheus wants it alike. */
    @Produces
    @Singleton
    MeterFilter sameTagsOnEveryEvent() {
        return new MeterFilter() {
            @Override
            public Meter.Id map(Meter.Id id) {
                return id.getName().equals("events.received") && id.getTag("action") == null
                        ? id.withTag(Tag.of("action", "NONE"))
                        : id;
            }
        };
    }

    private void update(Fleet fleet) {
        List<Row<?>> nodeRows = new ArrayList<>();
        List<Row<?>> generationRows = new ArrayList<>();
        List<Row<?>> candidateRows = new ArrayList<>();
        List<Row<?>> vmRows = new ArrayList<>();
        List<Row<?>> fenceRows = new ArrayList<>();
        List<Row<?>> raisedRows = new ArrayList<>();
        List<Row<?>> baselineRows = new ArrayList<>();
        List<Row<?>> presentRows = new ArrayList<>();
        List<Row<?>> classRows = new ArrayList<>();
        List<Row<?>> conditionRows = new ArrayList<>();
        List<Row<?>> proofRows = new ArrayList<>();
        for (FleetState.Policy policy : fleet.state().policies()) {
            VirtualMachineABIStatus status = policy.status();
            if (status == null || status.nodes() == null) {
                continue;
            }
            Tags tags = Tags.of("policy", policy.name());
            VirtualMachineABIStatus.NodeCounts n = status.nodes();
            nodeRows.add(Row.of(tags.and("state", NodeState.Accepting.name()), n.accepting()));
            nodeRows.add(Row.of(tags.and("state", NodeState.Fenced.name()), n.fenced()));
            nodeRows.add(Row.of(tags.and("state", NodeState.Waiting.name()), n.matched() - n.accepting() - n.fenced()));
            generationRows.add(Row.of(
                    tags, status.baseline() == null ? 0 : status.baseline().generation()));
            if (status.baseline() != null) {
                baselineRows.add(Row.of(tags.and("guest_abi", status.baseline().label()), 1));
                proofRows.addAll(proofs(fleet, policy, status.baseline().digest(), tags.and("guest_abi", "baseline")));
            }
            if (status.candidate() != null) {
                proofRows.addAll(
                        proofs(fleet, policy, status.candidate().digest(), tags.and("guest_abi", "candidate")));
            }
            presentRows.add(Row.of(tags, status.candidate() == null ? 0 : 1));
            classRows.add(Row.of(tags, status.classes().size()));
            status.conditions()
                    .forEach(c -> conditionRows.add(
                            Row.of(tags.and("condition", c.getType()), "True".equals(c.getStatus()) ? 1 : 0)));
            boolean offered = status.candidate() != null && status.baseline() != null;
            candidateRows.add(Row.of(
                    tags.and("change", "gained"),
                    offered ? status.candidate().gains().size() : 0));
            candidateRows.add(Row.of(
                    tags.and("change", "lost"),
                    offered ? status.candidate().losses().size() : 0));
            VirtualMachineABIStatus.VmCounts v = status.virtualMachines();
            vmRows.add(Row.of(tags.and("state", "OnBaseline"), v.onBaseline()));
            vmRows.add(Row.of(tags.and("state", "PendingRestart"), v.pendingRestart()));
            vmRows.add(Row.of(tags.and("state", "Islanded"), v.islanded()));
            vmRows.add(Row.of(tags.and("state", "Stranded"), v.stranded()));
            vmRows.add(Row.of(tags.and("state", "Unknown"), v.unknown()));
            status.fences().forEach(f -> {
                fenceRows.add(Row.of(tags.and("fence", f.fence(), "state", "crossed"), f.crossed()));
                fenceRows.add(Row.of(tags.and("fence", f.fence(), "state", "total"), f.total()));
                raisedRows.add(Row.of(tags.and("fence", f.fence()), f.raised() ? 1 : 0));
            });
        }
        nodes.register(nodeRows, true);
        generation.register(generationRows, true);
        candidate.register(candidateRows, true);
        vms.register(vmRows, true);
        fences.register(fenceRows, true);
        raised.register(raisedRows, true);
        baseline.register(baselineRows, true);
        present.register(presentRows, true);
        classes.register(classRows, true);
        conditions.register(conditionRows, true);
        proofs.register(proofRows, true);
    }

    private static List<Row<?>> proofs(Fleet fleet, FleetState.Policy policy, String guestAbi, Tags tags) {
        Map<Fleet.ProofState, Long> counts = fleet.proofs(policy, Digest.parse(guestAbi));
        return Arrays.stream(Fleet.ProofState.values())
                .<Row<?>>map(s ->
                        Row.of(tags.and("result", s.name().toLowerCase(Locale.ROOT)), counts.getOrDefault(s, 0L)))
                .toList();
    }
}
