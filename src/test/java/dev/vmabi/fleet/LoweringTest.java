package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.api.VirtualMachineABIStatus.Change;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.SimulatedCluster.Guest;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LoweringTest {
    private static final String LOW = "12a29ae87c256c9e";
    private static final String HIGH = "c6cebfce457c7143";

    private final SimulatedCluster cluster = new SimulatedCluster();
    private final PolicySpec spec = PolicySpec.of("a");

    @BeforeEach
    void pinnedHighAndALesserNodeIsFenced() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.apply("p", spec);
        cluster.reported();
        assertThat(pin()).isEqualTo(HIGH);
        cluster.join("lesser", "a", "6.1-cortex-a76");
        cluster.reported();
    }

    private String pin() {
        return cluster.status("p").baseline().label();
    }

    private String offered() {
        return cluster.status("p").lowering().digest();
    }

    @Test
    void whatWouldLetTheFencedNodeInIsOfferedWithItsPriceAndNotTaken() {
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.status("p").lowering()).satisfies(l -> {
            assertThat(l.digest()).startsWith(LOW);
            assertThat(l.losses()).contains("FEAT_Debugv8p2");
            assertThat(l.gains()).isEmpty();
            assertThat(l.admits()).isEqualTo(1);
            assertThat(l.proved()).isEqualTo(3);
            assertThat(l.needed()).isEqualTo(3);
            assertThat(l.stranded()).isZero();
        });
        assertThat(cluster.condition("p", "Lowered")).isEqualTo("absent");
        cluster.pass(Duration.ofDays(30));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
    }

    @Test
    void aFencedNodeCarriesWhatItProvedOfLesserGuestAbisAndOneBeforeARaisedFenceNothing() {
        cluster.join("lesser-2", "a", "6.1-cortex-a76");
        cluster.start("born-low", "lesser", Clamp.NONE);
        cluster.reported();
        String has = cluster.guests.get("born-low").stamp.orElseThrow();
        assertThat(cluster.nodeCondition("lesser-2", "Compatible")).startsWith("False Fenced");
        assertThat(cluster.hosts.get("lesser-2").guestAbiLabels)
                .as("a VM boots by the label of the baseline, and moves by that of its stamp")
                .contains(has, LOW)
                .doesNotContain(HIGH);

        cluster.apply("p", spec.fence(Surface.WritableIDRegisters, FenceRaise.Now));
        cluster.settle();
        assertThat(cluster.hosts.get("lesser-2").guestAbiLabels)
                .as("before a raised fence a node takes no VM at all")
                .isEmpty();
    }

    @Test
    void itIsLoweredByTheDigestOfTheVeryOffer() {
        String low = offered();
        cluster.apply("p", spec.lowerTo(low));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
        assertThat(cluster.status("p").baseline().generation()).isEqualTo(2);
        assertThat(cluster.status("p").nodes().accepting()).isEqualTo(3);
        assertThat(cluster.status("p").lowering()).isNull();
        assertThat(cluster.status("p").history()).extracting(Change::what).containsExactly("Lowered", "Pinned");
        assertThat(cluster.condition("p", "Lowered")).isEqualTo("True Lowered: the baseline is " + LOW);
        assertThat(cluster.condition("p", "Converged")).startsWith("True ");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.BaselineLowered);
    }

    @Test
    void anotherDigestIsNotOffered() {
        cluster.apply("p", spec.lowerTo("0".repeat(64)));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.condition("p", "Lowered"))
                .isEqualTo("False NotOffered: what would let the fenced nodes in is " + offered() + ", not "
                        + "0".repeat(16));
        cluster.leave("lesser");
        cluster.settle();
        assertThat(cluster.status("p").lowering()).isNull();
        assertThat(cluster.condition("p", "Lowered"))
                .startsWith("False NotOffered: no node is fenced for what it lacks");
    }

    @Test
    void aKernelThatRefusesTheBaselineItWasMeasuredToTakeIsNotLetInByIt() {
        cluster.leave("lesser");
        cluster.join("odd", "a", "6.12-cortex-a76");
        cluster.hosts
                .get("odd")
                .refuses
                .add(Digest.parse(cluster.status("p").baseline().digest()));
        cluster.reported();
        assertThat(cluster.nodeCondition("odd", "Compatible")).startsWith("False Fenced");
        assertThat(cluster.status("p").lowering()).isNull();
        assertThat(pin()).isEqualTo(HIGH);
    }

    @Test
    void itWaitsForEveryNodesProof() {
        String low = offered();
        cluster.boot("n2", "6.12-cortex-a76");
        cluster.report("n2", Set.of());
        cluster.apply("p", spec.lowerTo(low));
        cluster.reconcileAll();
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.condition("p", "Lowered"))
                .isEqualTo("False WaitingForProof: 2 of 3 nodes have proved " + LOW + "; waiting for n2");
        cluster.reported();
        assertThat(pin()).isEqualTo(LOW);
    }

    @Test
    void itIsRefusedWithCountAndNamesWhileItWouldStrandVms() {
        cluster.start("a", "n1", Clamp.NONE);
        cluster.start("b", "n1", Clamp.NONE);
        cluster.settle();
        String low = offered();
        cluster.leave("n2");
        cluster.settle();
        assertThat(cluster.status("p").lowering().stranded()).isEqualTo(2);
        assertThat(cluster.status("p").lowering().strandedVMs()).containsExactly("default/a", "default/b");

        cluster.apply("p", spec.lowerTo(low));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.condition("p", "Lowered"))
                .isEqualTo("False WouldStrand: 2 VMs have more than " + LOW
                        + " and no other node that accepts them, or have what is not known: default/a, default/b;"
                        + " give them another node, or shut them down until the baseline is lowered");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.LoweringRefused);

        cluster.guests.remove("a");
        cluster.settle();
        assertThat(cluster.condition("p", "Lowered")).startsWith("False WouldStrand: 1 VMs");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.LoweringRefused);
        cluster.guests.remove("b");
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
    }

    @Test
    void anotherNodeForTheVmLetsItGoOn() {
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        String low = offered();
        cluster.leave("n2");
        cluster.apply("p", spec.lowerTo(low));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
        cluster.join("n4", "a", "6.18-cortex-a76");
        cluster.reported();
        assertThat(pin()).isEqualTo(LOW);
    }

    @Test
    void aVmOfWhichNothingIsKnownForbidsIt() {
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.move("vm", "n2", Vmm.parse("qemu:11.1"));
        cluster.apply("p", spec.lowerTo(offered()));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.condition("p", "Lowered")).startsWith("False WouldStrand: 1 VMs");
        cluster.guests.remove("vm");
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
    }

    @Test
    void aLoweringThatStandsInTheSpecIsNotDoneTwice() {
        String low = offered();
        cluster.apply("p", spec.lowerTo(low));
        cluster.settle();
        cluster.leave("lesser");
        cluster.settle();
        cluster.apply(
                "p", spec.lowerTo(low).approve(cluster.status("p").candidate().digest()));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
        cluster.pass(Duration.ofHours(2));
        cluster.join("lesser", "a", "6.1-cortex-a76");
        cluster.reported();
        assertThat(offered()).isEqualTo(low);
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.condition("p", "Lowered")).startsWith("False AlreadyLowered: ");

        cluster.apply("p", spec);
        cluster.settle();
        cluster.apply("p", spec.lowerTo(low));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
    }

    @Test
    void itClosesTheWayBackOfARaise() {
        String low = offered();
        cluster.boot("n1", "6.18-cortex-a76");
        cluster.boot("n2", "6.18-cortex-a76");
        cluster.reported();
        if (cluster.status("p").candidate() != null) {
            cluster.apply("p", spec.approve(cluster.status("p").candidate().digest()));
            cluster.settle();
        }
        cluster.apply("p", spec.lowerTo(cluster.status("p").lowering().digest()));
        cluster.settle();
        assertThat(pin()).isEqualTo(low.substring(0, 16));
        assertThat(cluster.status("p").previous()).isNull();
    }

    @Test
    void anExclusionIsNeverTakenByASoakAloneAndIsRefusedWhileItStrands() {
        cluster.leave("lesser");
        cluster.settle();
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        PolicySpec excluding = spec.automatic("1m").exclude("FEAT_AES");
        cluster.apply("p", excluding);
        cluster.settle();
        assertThat(cluster.status("p").candidate().losses()).contains("FEAT_AES");
        String lesser = cluster.status("p").candidate().digest();
        cluster.pass(Duration.ofHours(1));
        cluster.settle();
        assertThat(pin()).as("soaked").isEqualTo(HIGH);

        cluster.hosts.get("n2").report = null;
        cluster.leave("n2");
        cluster.apply("p", excluding.approve(lesser));
        cluster.settle();
        assertThat(cluster.condition("p", "Lowered")).startsWith("False WouldStrand: 1 VMs");
        cluster.guests.remove("vm");
        cluster.settle();
        assertThat(pin()).isEqualTo(lesser.substring(0, 16));
    }

    @Test
    void theWayBackIsRefusedWhileItWouldStrandAVm() {
        SimulatedCluster pool = new SimulatedCluster();
        pool.join("n1", "a", "6.1-cortex-a76");
        pool.join("n2", "a", "6.12-cortex-a76");
        pool.apply("p", spec);
        pool.reported();
        String low = pool.status("p").baseline().digest();
        pool.boot("n1", "6.12-cortex-a76");
        pool.reported();
        pool.apply("p", spec.approve(pool.status("p").candidate().digest()));
        pool.settle();
        Guest vm = pool.start("vm", "n2", Clamp.NONE);
        pool.settle();
        pool.boot("n1", "6.1-cortex-a76");
        pool.reported();
        pool.apply("p", spec.approve(low));
        pool.settle();
        assertThat(pool.status("p").baseline().digest()).isNotEqualTo(low);
        assertThat(pool.condition("p", "Lowered"))
                .startsWith("False WouldStrand: 1 VMs")
                .contains(vm.name);
        pool.guests.remove("vm");
        pool.settle();
        assertThat(pool.status("p").baseline().digest()).isEqualTo(low);
    }
}
