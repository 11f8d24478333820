package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.fleet.FleetEvent.Reason;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FirstPinTest {
    private final SimulatedCluster cluster = new SimulatedCluster();

    @Test
    void pinsTheLeastThatAllCanHonourOnceEachHasProvedIt() {
        cluster.join("n1", "a", "6.1-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.join("n3", "a", "6.18-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.hosts.keySet().forEach(cluster::report);

        cluster.reconcileAll();
        assertThat(cluster.status("p").baseline()).isNull();
        assertThat(cluster.condition("p", "BaselinePinned"))
                .isEqualTo("False WaitingForProof: 0 of 3 nodes have proved 12a29ae87c256c9e;"
                        + " waiting for n1, n2, n3");

        cluster.report("n1");
        cluster.report("n2");
        cluster.reconcileAll();
        assertThat(cluster.condition("p", "BaselinePinned")).contains("2 of 3 nodes have proved");

        cluster.report("n3");
        cluster.settle();
        assertThat(cluster.status("p").baseline().label()).isEqualTo("12a29ae87c256c9e");
        assertThat(cluster.status("p").baseline().generation()).isEqualTo(1);
        assertThat(cluster.status("p").baseline().features()).hasSize(45);
        assertThat(cluster.condition("p", "Ready")).startsWith("True Pinned: ");
        assertThat(cluster.condition("p", "Converged")).isEqualTo("True AllAccept: all 3 nodes accept the baseline");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.BaselinePinned);
        assertThat(cluster.hosts.values())
                .allSatisfy(h -> assertThat(h.guestAbiLabels).contains("12a29ae87c256c9e"));
    }

    @Test
    void waitsForSilentNodesAndSaysWhoTheyAre() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("silent", "a", "6.1-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.report("n1");
        cluster.settle();
        assertThat(cluster.status("p").baseline()).isNull();
        assertThat(cluster.condition("p", "Ready"))
                .isEqualTo("False WaitingForNodes: 1 of 2 nodes have not reported: silent; the first pin waits for"
                        + " them until 2026-01-01T00:10:00Z");
    }

    @Test
    void namesFiveSilentNodesAndCountsTheOthers() {
        for (int i = 1; i <= 8; i++) {
            cluster.join("n" + i, "a", "6.12-cortex-a76");
        }
        cluster.apply("p", PolicySpec.of("a"));
        cluster.settle();
        assertThat(cluster.condition("p", "Ready")).contains("8 of 8 nodes", "n5 and 3 more");
    }

    @Test
    void asksToBeCalledAgainWhenTheGraceEnds() {
        cluster.join("silent", "a", "6.1-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        PolicyDecision decision = PolicyDecision.decide(cluster.fleet(), cluster.policies.get("p"), cluster.now);
        assertThat(decision.next()).isEqualTo(SimulatedCluster.START.plus(Duration.ofMinutes(10)));
    }

    @Test
    void goesOnWithoutSilentNodesAfterTheGraceAndSaysWhoIsMissing() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("silent", "a", "6.1-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.report("n1");
        cluster.pass(Duration.ofMinutes(10).minusSeconds(1));
        cluster.settle();
        assertThat(cluster.status("p").baseline()).isNull();
        cluster.pass(Duration.ofSeconds(1));
        cluster.settle();
        assertThat(cluster.status("p").baseline()).isNotNull();
        assertThat(cluster.status("p").history().getFirst().why()).contains("1 of 2 nodes had not reported: silent");
        assertThat(cluster.condition("p", "Converged")).contains("1 of 2", "waiting: silent");
    }

    @Test
    void aNodeThatIsNotReadyIsNotWaitedFor() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("down", "a", "6.1-cortex-a76").ready = false;
        cluster.apply("p", PolicySpec.of("a"));
        cluster.report("n1");
        cluster.settle();
        assertThat(cluster.status("p").baseline()).isNotNull();
    }

    @Test
    void nothingIsPinnedOnAnEmptyPool() {
        cluster.join("n1", "other", "6.12-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.report("n1");
        cluster.pass(Duration.ofHours(1));
        cluster.settle();
        assertThat(cluster.status("p").baseline()).isNull();
        assertThat(cluster.condition("p", "Ready")).isEqualTo("False NoNodes: spec.nodeSelector matches no arm64 node");
    }

    @Test
    void nothingIsPinnedWhereNobodyReportsEvenAfterTheGrace() {
        cluster.join("silent", "a", "6.1-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.pass(Duration.ofHours(1));
        cluster.settle();
        assertThat(cluster.status("p").baseline()).isNull();
        assertThat(cluster.condition("p", "Ready")).startsWith("False NoNodes: no node of the pool has a report");
    }

    @Test
    void aPoolWithoutCommonAbiIsToldAsClassesNotPinned() {
        cluster.join("n1", "a", "6.12-cortex-a57");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
        assertThat(cluster.status("p").baseline()).isNull();
        assertThat(cluster.condition("p", "BaselinePinned"))
                .isEqualTo("False NoCommonABI: no guest ABI is common to these 2 classes of hosts under qemu:11.1; give"
                        + " each class a policy of its own (status.classes says who accepts whom)");
        assertThat(cluster.status("p").classes()).hasSize(2).allSatisfy(c -> {
            assertThat(c.nodes()).isEqualTo(1);
            assertThat(c.accepts()).isEmpty();
            assertThat(c.refuses())
                    .singleElement()
                    .satisfies(r -> assertThat(r.reason()).isNotBlank());
        });
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.NoCommonABI);
    }

    @Test
    void aRequiredFeatureFencesTheNodesWithoutItInsteadOfLoweringThePin() {
        cluster.join("old", "a", "6.1-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.join("n3", "a", "6.18-cortex-a76");
        cluster.apply("p", PolicySpec.of("a").require("FEAT_Debugv8p2"));
        cluster.reported();
        assertThat(cluster.status("p").baseline().label()).isEqualTo("c2ff48bbcb2f1830");
        assertThat(cluster.status("p").fencedNodes()).singleElement().satisfies(f -> {
            assertThat(f.name()).isEqualTo("old");
            assertThat(f.reason()).isEqualTo("lacks required FEAT_Debugv8p2");
            assertThat(f.lostFeatures()).containsExactly("FEAT_Debugv8p2");
        });
    }

    @Test
    void nobodyGetsAnExcludedFeature() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.18-cortex-a76");
        cluster.apply("p", PolicySpec.of("a").exclude("vendorHyp.PTP"));
        cluster.reported();
        assertThat(cluster.status("p").baseline().features())
                .hasSizeGreaterThan(40)
                .doesNotContain("vendorHyp.PTP");
    }

    @Test
    void aProfileIsPinnedAsItIsAndFencesWhoCannotHonourIt() {
        cluster.join("old", "a", "6.1-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.apply(
                "p",
                PolicySpec.of("a")
                        .profile(SimulatedCluster.recorded("6.12-cortex-a76")
                                .digest()
                                .hex()));
        cluster.reported();
        assertThat(cluster.status("p").baseline()).isNotNull();
        assertThat(cluster.status("p").baseline().label())
                .isEqualTo(SimulatedCluster.recorded("6.12-cortex-a76")
                        .defaultGuestAbi()
                        .digest()
                        .label());
        assertThat(cluster.status("p").fencedNodes()).extracting(f -> f.name()).containsExactly("old");
    }

    @Test
    void aProfileThatDoesNotExistIsNamed() {
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.apply("p", PolicySpec.of("a").profile("0123456789abcdef".repeat(4)));
        cluster.reported();
        assertThat(cluster.status("p").baseline()).isNull();
        assertThat(cluster.condition("p", "Ready"))
                .isEqualTo("False ProfileMissing: ABIProfile " + "0123456789abcdef".repeat(4)
                        + " of spec.baseline.profile does not exist or does not hold (kubectl get abiprofiles)");
    }

    @Test
    void aBadPolicyIsSaidToBeBadAndPinsNothing() {
        cluster.join("n1", "a", "6.12-cortex-a76");
        VirtualMachineABISpec bad = PolicySpec.of("a").require("FEAT_SVE9").spec();
        cluster.apply("p", bad);
        cluster.reported();
        assertThat(cluster.status("p").baseline()).isNull();
        assertThat(cluster.condition("p", "Ready"))
                .startsWith("False PolicyInvalid: spec.baseline.require: FEAT_SVE9 is not known; the nearest known"
                        + " names are FEAT_SVE");
        assertThat(cluster.condition("p", "Stalled")).startsWith("True PolicyInvalid: ");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.PolicyInvalid);

        cluster.apply("p", PolicySpec.of("a"));
        cluster.settle();
        assertThat(cluster.status("p").baseline()).isNotNull();
        assertThat(cluster.condition("p", "Stalled")).isEqualTo("absent");
    }
}
