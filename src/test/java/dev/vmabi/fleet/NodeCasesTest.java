package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Cpu;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.SimulatedCluster.Guest;
import dev.vmabi.fleet.SimulatedCluster.Host;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What nodes do besides reporting: go, come back under a name, are cordoned, change pools, have CPUs of two kinds. */
class NodeCasesTest {
    private final SimulatedCluster cluster = new SimulatedCluster();
    private Host n1;

    @BeforeEach
    void pinned() {
        n1 = cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.18-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
    }

    private Set<String> pin() {
        return Set.of(cluster.status("p").baseline().label());
    }

    @Test
    void aCordonedOrNotReadyNodeKeepsWhatItProved() {
        n1.schedulable = false;
        cluster.settle();
        n1.ready = false;
        cluster.settle();
        assertThat(n1.guestAbiLabels).isEqualTo(pin());
        assertThat(cluster.status("p").nodes().accepting()).isEqualTo(2);
    }

    @Test
    void theFirstPinDoesNotWaitForANodeThatIsNotReady() {
        SimulatedCluster pool = new SimulatedCluster();
        pool.join("n1", "a", "6.12-cortex-a76");
        pool.join("n2", "a", "6.12-cortex-a76").ready = false;
        pool.apply("p", PolicySpec.of("a"));
        pool.report("n1");
        pool.settle();
        assertThat(pool.status("p").baseline()).isNotNull();
        assertThat(pool.status("p").nodes().stale()).isEqualTo(1);
    }

    @Test
    void aNodeThatIsGoneCountsNoMoreAndItsVmsNeither() {
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        cluster.leave("n1");
        cluster.settle();
        assertThat(cluster.status("p").nodes().matched()).isEqualTo(1);
        assertThat(cluster.status("p").virtualMachines().total()).isZero();
    }

    @Test
    void aRenamedNodeIsANewOneThatHasProvedNothing() {
        cluster.leave("n1");
        Host renamed = cluster.join("n9", "a", "6.12-cortex-a76");
        cluster.settle();
        assertThat(renamed.guestAbiLabels).isEmpty();
        cluster.report("n9");
        cluster.settle();
        assertThat(renamed.guestAbiLabels).isEqualTo(pin());
    }

    @Test
    void aNodeThatJoinsAgainUnderItsNameDoesNotLiveOnTheOldReport() {
        NodeABISpec old = n1.report;
        cluster.leave("n1");
        Host again = cluster.join("n1", "a", "6.1-cortex-a76");
        cluster.write("n1", old);
        cluster.settle();
        assertThat(again.guestAbiLabels).isEmpty();
        assertThat(cluster.nodeCondition("n1", "Fresh")).startsWith("False EarlierBoot: ");
        cluster.report("n1");
        cluster.settle();
        assertThat(cluster.nodeCondition("n1", "Compatible")).startsWith("False Fenced: ");
    }

    @Test
    void aNodeThatMovesToAnotherPoolIsHeldByItsPolicyAndKeepsTheLabelsOfVms() {
        cluster.join("m1", "b", "6.18-cortex-a76");
        cluster.apply("q", PolicySpec.of("b"));
        cluster.reported();
        Guest vm = cluster.start("vm", "n2", Clamp.NONE);
        cluster.settle();
        Host n2 = cluster.hosts.get("n2");
        n2.labels.put("pool", "b");
        cluster.settle();
        assertThat(cluster.status("p").nodes().matched()).isEqualTo(1);
        assertThat(cluster.status("q").nodes().matched()).isEqualTo(2);
        assertThat(n2.status.policies())
                .singleElement()
                .satisfies(v -> assertThat(v.policy()).isEqualTo("q"));
        assertThat(n2.guestAbiLabels)
                .contains(vm.stamp.orElseThrow())
                .contains(cluster.status("q").baseline().label());
        assertThat(cluster.status("q").virtualMachines().total()).isEqualTo(1);
    }

    @Test
    void aNodeWithTwoKindsOfCpusHonoursWhatBothDo() {
        HostProfile little = SimulatedCluster.recorded("6.12-cortex-a57");
        SimulatedCluster pool = new SimulatedCluster();
        Host mixed = pool.join("mixed", "a", "6.12-cortex-a76");
        pool.profiles.put(little.digest(), little);
        pool.report("mixed");
        asymmetric(pool, mixed, little);
        pool.apply("p", PolicySpec.of("a"));
        pool.reconcileAll();
        assertThat(pool.condition("p", "BaselinePinned")).startsWith("False NoCommonABI: ");
        assertThat(pool.nodeCondition("mixed", "Reporting")).contains("1 more kinds of CPU");
    }

    @Test
    void whatAGuestHasOnSuchANodeIsNotKnown() {
        HostProfile little = SimulatedCluster.recorded("6.12-cortex-a57");
        cluster.profiles.put(little.digest(), little);
        asymmetric(cluster, n1, little);
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        cluster.reconcileAll();
        assertThat(vm.stamp).isEmpty();
        assertThat(cluster.status("p").unknownVMs()).containsExactly("default/vm");
    }

    @Test
    void aKindOfCpuWhoseProfileIsNotThereMakesTheReportUnusable() {
        asymmetric(cluster, n1, SimulatedCluster.recorded("6.1-cortex-a57"));
        cluster.reconcileAll();
        assertThat(cluster.nodeCondition("n1", "Reporting"))
                .startsWith("False Unusable: ABIProfile ")
                .endsWith("does not exist or does not hold");
        assertThat(n1.guestAbiLabels).isEmpty();
    }

    private static void asymmetric(SimulatedCluster of, Host host, HostProfile little) {
        NodeABISpec r = host.report;
        of.write(
                host.name,
                new NodeABISpec(
                        r.kvm(),
                        r.profile(),
                        r.bootID(),
                        r.kernelRelease(),
                        List.of(
                                new Cpu("0x410fd4b0", 4, null),
                                new Cpu("0x410fd070", 4, little.digest().hex())),
                        r.agentVersion(),
                        r.proofs()));
    }

    @Test
    void everythingThatHappensToANodeIsToldOnce() {
        n1.schedulable = false;
        cluster.boot("n1", "6.1-cortex-a76");
        cluster.settle();
        cluster.reported();
        cluster.settle();
        assertThat(cluster.events.stream()
                        .filter(e ->
                                new TreeSet<>(List.of(Reason.NodeFenced, Reason.NodeReportStale)).contains(e.reason()))
                        .map(FleetEvent::reason))
                .containsExactly(Reason.NodeReportStale, Reason.NodeFenced);
    }

    @Test
    void vmsWithNowhereToGoAndThoseThatAreUnknownAreListedAndBounded() {
        for (int i = 10; i < 35; i++) {
            cluster.start("vm" + i, "n1", Clamp.NONE);
        }
        cluster.settle();
        assertThat(cluster.status("p").virtualMachines().stranded()).isZero();
        cluster.leave("n2");
        cluster.settle();
        assertThat(cluster.status("p").virtualMachines().stranded()).isEqualTo(25);
        assertThat(cluster.status("p").strandedVMs())
                .hasSize(20)
                .startsWith("default/vm10")
                .endsWith("default/vm29");
    }
}
