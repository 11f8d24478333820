package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.api.Names;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABISpec.FenceRaise;
import dev.vmabi.api.VirtualMachineABISpec.Surface;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.FleetState.Policy;
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

    /** An operator that was taken back would else take down what is for good. */
    @Test
    void onceRaisedByALaterVersionItIsKept() {
        cluster.apply("p", spec);
        cluster.reported();
        Policy policy = cluster.policies.get("p");
        FenceState later = new FenceState("Timers", 3, 3, true, null);
        ObjectNode status = new ObjectMapper().valueToTree(policy.status());
        status.putArray("fences")
                .addPOJO(later)
                .addPOJO(new FenceState("HypercallBitmaps", 0, 3, true, null))
                .addPOJO(new FenceState("Clocks", 3, 3, false, null));
        cluster.policies.put(
                "p",
                policy.with(Stored.read(status, "status", VirtualMachineABIStatus.class)
                        .value()));
        cluster.apply("p", spec.soak("1h"));
        cluster.settle();
        assertThat(cluster.status("p").fences()).contains(later).hasSize(2);
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

    private void versions(String first, String second, String third) {
        label("n1", first);
        label("n2", second);
        label("n3", third);
    }

    private void label(String node, String version) {
        cluster.hosts.get(node).labels.remove(Names.VMM_LABEL_PREFIX + "qemu");
        if (version != null) {
            cluster.hosts.get(node).labels.put(Names.VMM_LABEL_PREFIX + "qemu", version);
        }
    }

    @Test
    void aFenceOnAVmmSaysWhoIsPastIt() {
        versions("10.1", "11.1", "11.2.3");
        cluster.apply("p", spec.fence("11.1", FenceRaise.Never));
        cluster.reported();
        assertThat(cluster.status("p").fences()).singleElement().satisfies(f -> {
            assertThat(f.fence()).isEqualTo("qemu 11.1");
            assertThat(f.crossed()).isEqualTo(2);
            assertThat(f.total()).isEqualTo(3);
            assertThat(f.before()).containsExactly("n1");
        });
        assertThat(cluster.status("p").nodes().accepting()).isEqualTo(3);
    }

    @Test
    void aRaisedFenceOnAVmmPutsNodesWithAnOlderOneOutAndLetsThemInOnceTheyHaveIt() {
        versions("10.1", "11.1", "11.1");
        cluster.apply("p", spec.fence("11.1", FenceRaise.Now));
        cluster.reported();
        assertThat(cluster.hosts.get("n1").guestAbiLabels).isEmpty();
        assertThat(cluster.nodeCondition("n1", "Compatible"))
                .isEqualTo("False Fenced: qemu 10.1 is before the raised fence qemu 11.1: it needs qemu 11.1 or later");
        label("n1", "11.1");
        cluster.settle();
        assertThat(cluster.hosts.get("n1").guestAbiLabels).isNotEmpty();
        label("n1", "10.1");
        cluster.apply("p", spec.withoutFences());
        cluster.settle();
        assertThat(cluster.hosts.get("n1").guestAbiLabels).as("one-way").isEmpty();
    }

    @Test
    void aFenceOnAVmmIsRaisedOnceAllNodesAreKnownToBePastIt() {
        versions("11.1", "11.1", null);
        cluster.apply("p", spec.vmm(null).fence("11.1", FenceRaise.WhenCrossed));
        cluster.reported();
        assertThat(cluster.status("p").fences().getFirst().raised()).isFalse();
        cluster.hosts.get("n3").labels.put("machine-type.node.kubevirt.io/virt-rhel9.6.0", "true");
        cluster.hosts.get("n3").labels.put("machine-type.node.kubevirt.io/virt-9.2", "true");
        cluster.settle();
        assertThat(cluster.status("p").fences().getFirst().raised()).isFalse();
        cluster.hosts.get("n3").labels.put("machine-type.node.kubevirt.io/virt-11.1", "true");
        cluster.settle();
        assertThat(cluster.status("p").fences().getFirst().raised()).isTrue();
    }

    @Test
    void aVersionThatNobodyKnowsIsNotPastTheFence() {
        cluster.apply("p", spec.vmm(null).fence("11.1", FenceRaise.Now));
        cluster.reported();
        assertThat(cluster.status("p").nodes().fenced()).isEqualTo(3);
        assertThat(cluster.nodeCondition("n1", "Compatible"))
                .contains("qemu 10.0 is before")
                .contains("qemu 11.1");
    }

    @Test
    void whatThePolicyStatesForThePoolCountsWhereNoNodeSaysOtherwise() {
        label("n2", "10.1");
        cluster.apply("p", spec.vmm("11.1").fence("11.1", FenceRaise.Now));
        cluster.reported();
        assertThat(cluster.status("p").fences().getFirst().before()).containsExactly("n2");
    }

    @Test
    void ofSeveralRaisedFencesOnAVmmTheHighestIsKept() {
        versions("11.1", "11.1", "11.1");
        for (String version : new String[] {"10.0", "10.2", "11.1"}) {
            cluster.apply("p", spec.fence(version, FenceRaise.Now));
            cluster.reported();
        }
        assertThat(cluster.status("p").fences())
                .singleElement()
                .satisfies(f -> assertThat(f.fence()).isEqualTo("qemu 11.1"));
        cluster.apply("p", spec.fence("10.0", FenceRaise.Never));
        cluster.settle();
        assertThat(cluster.status("p").fences())
                .hasSize(2)
                .allSatisfy(f ->
                        assertThat(f.raised()).as(f.fence()).isEqualTo(f.fence().equals("qemu 11.1")));
    }
}
