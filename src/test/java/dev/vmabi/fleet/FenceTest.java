package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.fleet.FleetEvent.Reason;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FenceTest {
    private final SimulatedCluster cluster = new SimulatedCluster();
    private final PolicySpec spec = PolicySpec.of("a");

    @BeforeEach
    void threeKernels() {
        cluster.join("n1", "a", "6.1-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.join("n3", "a", "6.18-cortex-a76");
    }

    @ParameterizedTest
    @CsvSource({
        "HypercallBitmaps, 3",
        "WritableIDRegisters, 2",
        "SecondVendorBitmap, 1",
        "WritableImplementationID, 1",
    })
    void saysWhoIsPastItAndBindsNobodyUntilRaised(Surface surface, int crossed) {
        cluster.apply("p", spec.fence(surface, FenceRaise.Never));
        cluster.reported();
        assertThat(cluster.status("p").fences()).singleElement().satisfies(f -> {
            assertThat(f.fence()).isEqualTo(surface.name());
            assertThat(f.crossed()).isEqualTo(crossed);
            assertThat(f.total()).isEqualTo(3);
            assertThat(f.raised()).isFalse();
        });
        assertThat(cluster.status("p").nodes().accepting()).isEqualTo(3);
    }

    @Test
    void raisedNowItTakesEveryLabelFromNodesBeforeIt() {
        cluster.apply("p", spec);
        cluster.reported();
        assertThat(cluster.hosts.get("n1").guestAbiLabels).isNotEmpty();

        cluster.apply("p", spec.fence(Surface.WritableIDRegisters, FenceRaise.Now));
        cluster.settle();
        assertThat(cluster.hosts.get("n1").guestAbiLabels).isEmpty();
        assertThat(cluster.hosts.get("n2").guestAbiLabels).isNotEmpty();
        assertThat(cluster.nodeCondition("n1", "Compatible"))
                .isEqualTo("False Fenced: kernel 6.1.0 is before the raised fence WritableIDRegisters: it needs"
                        + " writable ID registers (Linux 6.7)");
        assertThat(cluster.status("p").fencedNodes()).extracting(f -> f.name()).containsExactly("n1");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.FenceRaised);
    }

    @Test
    void whenCrossedItWaitsForTheLastNodeAndForEveryReport() {
        cluster.apply("p", spec.fence(Surface.WritableIDRegisters, FenceRaise.WhenCrossed));
        cluster.reported();
        assertThat(cluster.status("p").fences().getFirst().raised()).isFalse();
        cluster.boot("n1", "6.12-cortex-a76");
        cluster.settle();
        assertThat(cluster.status("p").fences().getFirst().raised())
                .as("n1 has not reported yet")
                .isFalse();
        cluster.report("n1");
        cluster.settle();
        assertThat(cluster.status("p").fences().getFirst().raised()).isTrue();
    }

    @Test
    void onceRaisedItStandsWhateverTheSpecSaysLater() {
        cluster.apply("p", spec.fence(Surface.WritableIDRegisters, FenceRaise.Now));
        cluster.reported();
        for (PolicySpec later :
                new PolicySpec[] {spec.fence(Surface.WritableIDRegisters, FenceRaise.Never), spec.withoutFences()}) {
            cluster.apply("p", later);
            cluster.settle();
            assertThat(cluster.status("p").fences())
                    .singleElement()
                    .satisfies(f -> assertThat(f.raised()).isTrue());
            assertThat(cluster.hosts.get("n1").guestAbiLabels).isEmpty();
            assertThat(cluster.status("p").nodes().fenced()).isEqualTo(1);
        }
    }

    @Test
    void aNodeThatBootsIntoAKernelBeforeItIsOut() {
        cluster.boot("n1", "6.12-cortex-a76");
        cluster.apply("p", spec.fence(Surface.WritableIDRegisters, FenceRaise.WhenCrossed));
        cluster.reported();
        assertThat(cluster.status("p").nodes().accepting()).isEqualTo(3);
        cluster.boot("n2", "6.1-cortex-a76");
        cluster.reported();
        assertThat(cluster.hosts.get("n2").guestAbiLabels).isEmpty();
        assertThat(cluster.nodeCondition("n2", "Compatible")).contains("before the raised fence");
    }
}
