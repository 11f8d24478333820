package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Vmm;
import java.time.Duration;
import java.util.List;

/** A small fleet of recorded hosts as the operator leaves it, with something to see in every corner. Always the same. */
public final class ExampleFleet {

    /**
     * Pool a runs Linux 6.12 on one node, 6.18 on two, of which one is cordoned, and 6.1 on one that came late and is
     * fenced. VM web was started with psci=1.1 and can go back to 6.12; db was not, and cannot. Pool b waits for its only
     * node. Pool c can be raised: its node of 6.12 has since booted 6.18.
     */
    public static Fleet fleet() {
        SimulatedCluster cluster = new SimulatedCluster();
        join(cluster, "a-1", "a", "6.12-cortex-a76");
        join(cluster, "a-2", "a", "6.18-cortex-a76");
        join(cluster, "a-3", "a", "6.18-cortex-a76");
        join(cluster, "c-1", "c", "6.12-max");
        join(cluster, "c-2", "c", "6.18-max");
        cluster.join("b-1", "b", "6.18-max");
        for (String pool : List.of("a", "b", "c")) {
            cluster.apply("pool-" + pool, PolicySpec.of(pool));
            cluster.pass(Duration.ofMinutes(1));
        }
        cluster.settle();
        cluster.start("web", "a-1", Clamp.parse("psci=1.1"));
        cluster.start("db", "a-2", Clamp.NONE);
        cluster.settle();
        cluster.move("web", "a-2", Vmm.parse("qemu:11.1"));
        cluster.hosts.get("a-3").schedulable = false;
        join(cluster, "a-4", "a", "6.1-cortex-a76");
        cluster.boot("c-1", "6.18-max");
        cluster.report("c-1");
        cluster.settle();
        return cluster.fleet();
    }

    private static void join(SimulatedCluster cluster, String node, String pool, String host) {
        cluster.join(node, pool, host);
        cluster.report(node);
    }

    private ExampleFleet() {}
}
