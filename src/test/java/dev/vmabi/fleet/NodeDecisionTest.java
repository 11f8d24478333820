package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.SimulatedCluster.Host;
import io.fabric8.kubernetes.api.model.Condition;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class NodeDecisionTest {
    private static final String PIN = "c2ff48bbcb2f1830";

    private final SimulatedCluster cluster = new SimulatedCluster();
    private Host n1;

    @BeforeEach
    void pinned() {
        n1 = cluster.join("n1", "a", "6.12-cortex-a76");
        cluster.join("n2", "a", "6.18-cortex-a76");
        cluster.apply("p", PolicySpec.of("a"));
        cluster.reported();
        assertThat(cluster.status("p").baseline().label()).isEqualTo(PIN);
    }

    @Test
    void aNodeCarriesWhatItProvedAndItsProfile() {
        assertThat(n1.guestAbiLabels).containsExactly(PIN);
        assertThat(n1.profileLabel).contains(n1.profile.digest().label());
        assertThat(cluster.nodeCondition("n1", "Reporting"))
                .isEqualTo("True ReportHolds: profile " + n1.profile.digest().label());
        assertThat(cluster.nodeCondition("n1", "Fresh")).startsWith("True PresentBoot: ");
        assertThat(cluster.nodeCondition("n1", "Compatible"))
                .isEqualTo("True Accepting: proved the baseline of policy p");
    }

    @Test
    void aRebootTakesEveryLabelAtOnceAndAFreshProofGivesThemBack() {
        cluster.boot("n1", "6.12-cortex-a76");
        cluster.reconcileNode("n1");
        assertThat(n1.guestAbiLabels).isEmpty();
        assertThat(n1.profileLabel).isEmpty();
        assertThat(cluster.nodeCondition("n1", "Fresh"))
                .isEqualTo("False EarlierBoot: the report is from boot boot-1, the node runs boot boot-3; it counts"
                        + " again once the agent has reported");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.NodeReportStale);

        cluster.report("n1");
        cluster.settle();
        assertThat(n1.guestAbiLabels).containsExactly(PIN);
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.NodeReportStale);
    }

    @Test
    void beforeTheFirstPinAReportIsAnsweredOnceAndThePinIsNotToldForEachNode() {
        SimulatedCluster young = new SimulatedCluster();
        Host early = young.join("early", "a", "6.12-cortex-a76");
        young.join("late", "a", "6.18-cortex-a76");
        young.apply("p", PolicySpec.of("a"));
        young.report("early");
        young.report("late");
        young.reconcileAll();
        assertThat(young.nodeCondition("early", "Compatible")).isEqualTo("False Waiting: no baseline is pinned yet");
        assertThat(early.profileLabel).isEmpty();
        NodeABIStatus answer = early.status;

        young.report("early");
        young.reconcileNode("early");
        assertThat(early.generation).isGreaterThan(answer.observedGeneration());
        assertThat(early.status).isEqualTo(answer);

        young.report("late");
        young.settle();
        assertThat(early.guestAbiLabels).containsExactly(PIN);
        assertThat(early.profileLabel).isPresent();
        assertThat(early.status.observedGeneration()).isEqualTo(early.generation);
        assertThat(young.eventReasons()).contains(Reason.BaselinePinned).doesNotContain(Reason.NodeAccepted);
    }

    @Test
    void aNodeThatWasWaitedForUnderThePinIsToldOfWhenItAccepts() {
        assertThat(cluster.eventReasons()).doesNotContain(Reason.NodeAccepted);
        cluster.boot("n1", "6.12-cortex-a76");
        cluster.reconcileAll();
        cluster.report("n1");
        cluster.settle();
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.NodeAccepted);
    }

    @Test
    void oneNodesChangeConcernsItAloneAndAnotherPinAllOfThem() {
        Fleet before = cluster.fleet();
        cluster.boot("n1", "6.12-cortex-a76");
        assertThat(NodeDecision.concerned(before, cluster.fleet())).containsExactly("n1");

        cluster.reconcile("p");
        assertThat(cluster.status("p").nodes().accepting()).isEqualTo(1);
        assertThat(NodeDecision.concerned(before, cluster.fleet())).containsExactly("n1");

        cluster.policies.put("p", cluster.policies.get("p").with(null));
        assertThat(NodeDecision.concerned(before, cluster.fleet())).containsExactly("n1", "n2");
    }

    @Test
    void aReportOfThisBootWithoutProofEarnsNoGuestAbiLabel() {
        cluster.boot("n1", "6.12-cortex-a76");
        cluster.report("n1", Set.of());
        cluster.reconcileNode("n1");
        assertThat(n1.guestAbiLabels).isEmpty();
        assertThat(cluster.nodeCondition("n1", "Compatible"))
                .isEqualTo("False Waiting: has not proved " + PIN + " yet");
    }

    @Test
    void aLesserNodeIsFencedAndThePinStands() {
        var pin = cluster.status("p").baseline();
        Host lesser = cluster.join("lesser", "a", "6.1-cortex-a76");
        cluster.reported();
        assertThat(cluster.status("p").baseline()).isEqualTo(pin);
        assertThat(lesser.guestAbiLabels).doesNotContain(PIN);
        assertThat(cluster.status("p").nodes())
                .satisfies(n -> assertThat(List.of(n.matched(), n.reporting(), n.accepting(), n.fenced(), n.stale()))
                        .containsExactly(3, 3, 2, 1, 0));
        assertThat(cluster.status("p").fencedNodes()).singleElement().satisfies(f -> {
            assertThat(f.name()).isEqualTo("lesser");
            assertThat(f.reason()).isNotBlank();
            assertThat(f.lostFeatures()).contains("FEAT_Debugv8p2");
        });
        assertThat(cluster.condition("p", "Converged"))
                .isEqualTo("False NodesFenced: 2 of 3 nodes accept the baseline; fenced: lesser");
        assertThat(cluster.nodeCondition("lesser", "Compatible")).startsWith("False Fenced: ");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.NodeFenced);
    }

    @Test
    void thirtyFencedNodesAreCountedAndTwentyAreListed() {
        for (int i = 10; i < 40; i++) {
            cluster.join("lesser-" + i, "a", "6.1-cortex-a76");
        }
        cluster.reported();
        assertThat(cluster.status("p").nodes().fenced()).isEqualTo(30);
        assertThat(cluster.status("p").fencedNodes())
                .hasSize(20)
                .extracting(f -> f.name())
                .startsWith("lesser-10")
                .endsWith("lesser-29");
        assertThat(cluster.condition("p", "Converged")).contains("lesser-14 and 25 more");
    }

    static Stream<Arguments> unusable() {
        String known = SimulatedCluster.recorded("6.12-cortex-a76").digest().hex();
        return Stream.of(
                Arguments.of(
                        SimulatedCluster.report("ffff".repeat(16), "boot-1", KvmState.Available, List.of()),
                        "ABIProfile ffffffffffffffff that NodeABI n1 names does not exist or does not hold"),
                Arguments.of(
                        SimulatedCluster.report("rubbish", "boot-1", KvmState.Available, List.of()),
                        "spec.profile of NodeABI n1 is no digest: rubbish"),
                Arguments.of(
                        SimulatedCluster.report(null, "boot-1", KvmState.Available, List.of()),
                        "spec.profile of NodeABI n1 is missing"),
                Arguments.of(
                        SimulatedCluster.report(known, "boot-1", KvmState.NoDevice, List.of()),
                        "KVM on node n1 is NoDevice"),
                Arguments.of(
                        new NodeABISpec(null, known, "boot-1", null, null, null, null),
                        "KVM on node n1 is not reported"));
    }

    @ParameterizedTest
    @MethodSource
    void unusable(NodeABISpec report, String why) {
        cluster.write("n1", report);
        cluster.reconcileAll();
        cluster.reconcileAll();
        assertThat(n1.guestAbiLabels).isEmpty();
        assertThat(n1.profileLabel).isEmpty();
        assertThat(cluster.nodeCondition("n1", "Reporting")).isEqualTo("False Unusable: " + why);
        assertThat(cluster.status("p").nodes().stale()).isEqualTo(1);
        assertThat(cluster.hosts.get("n2").guestAbiLabels).contains(PIN);
        assertThat(cluster.status("p").baseline().label()).isEqualTo(PIN);
    }

    @Test
    void aProofOfRubbishProvesNothingAndCostsNothing() {
        List<Proof> proofs = List.of(
                new Proof("no digest", true, 0, List.of()),
                cluster.prove(n1.profile, cluster.guestAbis.values().iterator().next()));
        cluster.write("n1", SimulatedCluster.report(n1.profile.digest().hex(), n1.boot, KvmState.Available, proofs));
        cluster.reconcileAll();
        assertThat(n1.guestAbiLabels).containsExactly(PIN);
    }

    @Test
    void aKernelThatRefusesAfterAllLosesItsLabel() {
        String digest = cluster.status("p").baseline().digest();
        Proof refused = new Proof(
                digest, false, 0, List.of(new NodeABISpec.Refused("ID_AA64PFR0_EL1.CSV2", "EINVAL", "0x1", "0x0")));
        cluster.write(
                "n1",
                SimulatedCluster.report(n1.profile.digest().hex(), n1.boot, KvmState.Available, List.of(refused)));
        cluster.reconcileAll();
        assertThat(n1.guestAbiLabels).isEmpty();
        assertThat(cluster.nodeCondition("n1", "Compatible"))
                .isEqualTo("False Fenced: ID_AA64PFR0_EL1.CSV2: the kernel answered EINVAL to 0x1");
    }

    @Test
    void aNodeThatNeverReportedHasNoStatusToWrite() {
        cluster.join("silent", "a", "6.12-cortex-a76");
        cluster.settle();
        assertThat(cluster.hosts.get("silent").status).isNull();
        assertThat(cluster.status("p").nodes().stale()).isEqualTo(1);
    }

    @Test
    void aNodeOfNoPoolIsTaggedWithWhatItProvedButIsHeldByNobody() {
        Host stray = cluster.join("stray", "b", "6.12-cortex-a76");
        cluster.reported();
        assertThat(stray.profileLabel).isEqualTo(Optional.empty());
        assertThat(cluster.nodeCondition("stray", "Compatible"))
                .isEqualTo("False NoPolicy: no VirtualMachineABI selects this node");
    }

    @Test
    void transitionTimesMoveWithTheStatusAloneAndGenerationsAreThoseOfTheReport() {
        Condition before = compatible(n1);
        cluster.pass(Duration.ofMinutes(5));
        cluster.report("n1");
        cluster.write(
                "n1",
                new NodeABISpec(
                        n1.report.kvm(),
                        n1.report.profile(),
                        n1.report.bootID(),
                        "6.12.99",
                        List.of(),
                        "newer",
                        n1.report.proofs()));
        cluster.settle();
        assertThat(compatible(n1).getLastTransitionTime()).isEqualTo(before.getLastTransitionTime());
        assertThat(compatible(n1).getObservedGeneration()).isEqualTo(n1.generation);
        assertThat(n1.status.observedGeneration()).isEqualTo(n1.generation);

        cluster.boot("n1", "6.12-cortex-a76");
        cluster.settle();
        assertThat(compatible(n1).getLastTransitionTime()).isEqualTo("2026-01-01T00:05:00Z");
    }

    private static Condition compatible(Host host) {
        return host.status.conditions().stream()
                .filter(c -> c.getType().equals("Compatible"))
                .findFirst()
                .orElseThrow();
    }
}
