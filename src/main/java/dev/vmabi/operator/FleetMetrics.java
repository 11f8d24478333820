package dev.vmabi.operator;

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
import java.util.List;

/** The fleet as Prometheus sees it: one row per policy and state, never one per node or VM. */
@ApplicationScoped
public class FleetMetrics {
    private final FleetCache cache;
    private final MultiGauge nodes;
    private final MultiGauge generation;
    private final MultiGauge candidate;
    private final MultiGauge vms;
    private final MultiGauge fences;

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
            vmRows.add(Row.of(tags.and("state", "Unknown"), v.unknown()));
            status.fences().forEach(f -> {
                fenceRows.add(Row.of(tags.and("fence", f.fence(), "state", "crossed"), f.crossed()));
                fenceRows.add(Row.of(tags.and("fence", f.fence(), "state", "total"), f.total()));
            });
        }
        nodes.register(nodeRows, true);
        generation.register(generationRows, true);
        candidate.register(candidateRows, true);
        vms.register(vmRows, true);
        fences.register(fenceRows, true);
    }
}
