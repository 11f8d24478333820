package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.VirtualMachineABIStatus.VmCounts;
import dev.vmabi.fleet.SimulatedCluster.Guest;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VmCensusTest {
    private static final Vmm QEMU = Vmm.parse("qemu:11.1");

    private final SimulatedCluster cluster = new SimulatedCluster();

    @BeforeEach
    void pinned() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.18-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
    }

    private VmCounts counts() {
        return cluster.status("p").virtualMachines();
    }

    @Test
    void aVmIsStampedWithWhatItWasBornWith() {
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        assertThat(vm.stamp).contains(vm.has.digest().label());
        assertThat(cluster.guestAbis).containsKey(vm.has.digest());
        assertThat(counts()).isEqualTo(new VmCounts(1, 0, 0, 0, 0, 0));
    }

    @Test
    void theClampOfItsVmmIsPartOfItsBirth() {
        Guest vm = cluster.start("vm", "n1", Clamp.NONE.withPsci(0x10001).withoutPmu());
        cluster.settle();
        assertThat(vm.stamp).contains(vm.has.digest().label());
        assertThat(vm.has).isNotEqualTo(cluster.hosts.get("n1").profile.defaultGuestAbi());
    }

    @Test
    void aVmOnTheBaselineIsCountedSo() {
        cluster.boot("n2", "6.12-cortex-a76");
        cluster.policies.remove("p");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
        cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        assertThat(counts()).isEqualTo(new VmCounts(1, 1, 0, 0, 0, 0));
    }

    @Test
    void aMoveStampsItWithItsLandingAndMovesAloneDo() {
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        String born = vm.stamp.orElseThrow();
        cluster.move("vm", "n2", QEMU);
        cluster.settle();
        assertThat(vm.stamp).contains(vm.has.digest().label());
        assertThat(vm.stamp.orElseThrow()).isNotEqualTo(born);

        String landed = vm.stamp.orElseThrow();
        cluster.hosts.get("n2").schedulable = false;
        cluster.apply("p", PolicySpec.of("a").automatic("1s"));
        cluster.settle();
        assertThat(vm.stamp).contains(landed);
    }

    @Test
    void aVmThatMovedBeforeItWasStampedIsUnknownAndListed() {
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        cluster.move("vm", "n2", QEMU);
        cluster.settle();
        assertThat(vm.stamp).isEmpty();
        assertThat(counts()).isEqualTo(new VmCounts(1, 0, 0, 0, 0, 1));
        assertThat(cluster.condition("p", "Degraded"))
                .isEqualTo(
                        "True UnknownVMs: 1 VMs have a guest ABI that is not known, first default/vm; they stay where"
                                + " they are until they are restarted");
    }

    @Test
    void aVmOnANodeWithoutAReportIsUnknownUntilThereIsOne() {
        cluster.join("n3", "a", "6.12-cortex-a76");
        Guest vm = cluster.start("vm", "n3", Clamp.NONE);
        cluster.settle();
        assertThat(counts().unknown()).isEqualTo(1);
        cluster.report("n3");
        cluster.settle();
        assertThat(counts().unknown()).isZero();
        assertThat(vm.stamp).contains(vm.has.digest().label());
    }

    @Test
    void aVmThatWasSeenBeforeItsNodesBootIsStampedAnewOnceThatIsSeen() {
        cluster.bootUnseen("n1", "6.18-cortex-a76");
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        cluster.reconcile("p");
        assertThat(vm.stamp).as("by what its node showed before").isPresent();
        assertThat(vm.stamp).isNotEqualTo(Optional.of(vm.has.digest().label()));

        cluster.see("n1");
        Fleet waiting = cluster.fleet();
        assertThat(waiting.stampIsBehind(vm.view(), cluster.policies.get("p")))
                .as("nobody knows before the agent has reported")
                .isFalse();
        cluster.report("n1");
        Fleet known = cluster.fleet();
        assertThat(known.stampIsBehind(vm.view(), cluster.policies.get("p"))).isTrue();
        assertThat(waiting.next(cluster.state()).stampIsBehind(vm.view(), cluster.policies.get("p")))
                .isTrue();
        cluster.settle();
        assertThat(vm.stamp).contains(vm.has.digest().label());
        assertThat(cluster.fleet().stampIsBehind(vm.view(), cluster.policies.get("p")))
                .isFalse();
    }

    @Test
    void aStampWrittenBeforeBootsWereNotedStays() {
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        vm.stamp = Optional.of(
                cluster.hosts.get("n2").profile.birth(Clamp.NONE).digest().label());
        cluster.guestAbis.put(
                cluster.hosts.get("n2").profile.birth(Clamp.NONE).digest(),
                cluster.hosts.get("n2").profile.birth(Clamp.NONE));
        Optional<String> noted = vm.stamp;
        cluster.reconcile("p");
        assertThat(vm.stamp).isEqualTo(noted);
    }

    @Test
    void aStampThatStandsForNothingIsUnknownAndKept() {
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        vm.stamp = Optional.of("0123456789abcdef");
        cluster.settle();
        assertThat(vm.stamp).contains("0123456789abcdef");
        assertThat(counts().unknown()).isEqualTo(1);
    }

    @Test
    void aVmBelowARaisedPinIsPendingRestart() {
        SimulatedCluster pool = new SimulatedCluster();
        pool.join("n1", "a", "6.1-cortex-a76");
        pool.join("n2", "a", "6.12-cortex-a76");
        pool.apply("p", PolicySpec.of("a"));
        pool.reported();
        Guest vm = pool.start("vm", "n1", Clamp.NONE);
        pool.settle();
        assertThat(pool.status("p").virtualMachines()).isEqualTo(new VmCounts(1, 1, 0, 0, 0, 0));
        pool.move("vm", "n2", QEMU);
        pool.boot("n1", "6.12-cortex-a76");
        pool.reported();
        pool.apply("p", PolicySpec.of("a").approve(pool.status("p").candidate().digest()));
        pool.settle();
        assertThat(pool.status("p").virtualMachines().pendingRestart()).isEqualTo(1);
        assertThat(pool.hosts.values())
                .allSatisfy(h -> assertThat(h.guestAbiLabels)
                        .as("the stamp's label stays while the VM carries it")
                        .contains(vm.stamp.orElseThrow()));
    }

    @Test
    void aVmThatCannotGoEverywhereIsIslanded() {
        cluster.join("n3", "a", "6.12-cortex-a76");
        cluster.reported();
        cluster.start("vm", "n2", Clamp.NONE);
        cluster.settle();
        assertThat(counts()).isEqualTo(new VmCounts(1, 0, 0, 1, 1, 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sve-max-vq=2", "psci=0.3"})
    void aVmWhoseClampItsHostCannotHonourIsUnknownAndCostsNobodyElse(String clamp) {
        Guest odd = new Guest("odd", Clamp.parse(clamp));
        odd.node = "n1";
        odd.has = cluster.hosts.get("n1").profile.defaultGuestAbi();
        cluster.guests.put("odd", odd);
        Guest vm = cluster.start("vm", "n1", Clamp.NONE);
        cluster.settle();
        assertThat(vm.stamp).isPresent();
        assertThat(counts().total()).isEqualTo(2);
    }
}
