package dev.vmabi.lab;

import dev.vmabi.demo.Driver;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/**
 * {@code make lab-cost}: what the agent takes of an emulated host once it has published, and over so many idle seconds
 * (the argument). Prints what the host's script measured.
 */
public final class LabCost {

    private LabCost() {}

    public static void main(String[] arguments) {
        Driver.run("The agent could not be measured", LabCluster.LIMIT, () -> measure(arguments));
    }

    private static Void measure(String[] arguments) throws IOException {
        int seconds = Integer.parseInt(arguments[0]);
        LabHost kind = new LabHost("6.12", "neoverse-n1", "vmabi.measure=" + seconds);
        LabCache cache = LabCache.prepared();
        try (LabCluster cluster = new LabCluster();
                EmulatedHost host = cluster.boot(cache, cluster.agentOverlay(cache), kind)) {
            cluster.awaitReport(host);
            LabGuests.of(List.of(cluster.profile(
                                    cluster.report(kind.name()).orElseThrow().profile())
                            .orElseThrow()))
                    .values()
                    .forEach(cluster::propose);
            host.await("lab: measured", LabCluster.PATIENCE.plus(Duration.ofSeconds(seconds)));
            host.console().stream().filter(line -> line.startsWith("lab: ")).forEach(System.out::println);
        }
        return null;
    }
}
