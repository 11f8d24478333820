package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.VirtualMachineABIStatus.Change;
import dev.vmabi.fleet.FleetEvent.Reason;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RaiseTest {
    private static final String LOW = "12a29ae87c256c9e";
    private static final String HIGH = "c2ff48bbcb2f1830";

    private final SimulatedCluster cluster = new SimulatedCluster();
    private final PolicySpec spec = PolicySpec.of("a");

    @BeforeEach
    void pinnedLowThenEveryNodeCanDoMore() {
        cluster.join("n1", "a", "6.1-cortex-a76");
        cluster.join("n2", "a", "6.12-cortex-a76");
        cluster.join("n3", "a", "6.18-cortex-a76");
        cluster.apply("p", spec);
        cluster.reported();
        assertThat(cluster.status("p").baseline().label()).isEqualTo(LOW);
        assertThat(cluster.status("p").candidate()).isNull();
        cluster.boot("n1", "6.12-cortex-a76");
        cluster.reported();
    }

    private String candidate() {
        return cluster.status("p").candidate().digest();
    }

    private String pin() {
        return cluster.status("p").baseline().label();
    }

    @Test
    void aCandidateIsOfferedProvedAndNotTaken() {
        assertThat(pin()).isEqualTo(LOW);
        assertThat(candidate()).startsWith(HIGH);
        assertThat(cluster.status("p").candidate().gains()).contains("FEAT_Debugv8p1", "FEAT_Debugv8p2");
        assertThat(cluster.status("p").candidate().losses()).isEmpty();
        assertThat(cluster.status("p").candidate().proved()).isEqualTo(3);
        assertThat(cluster.status("p").candidate().needed()).isEqualTo(3);
        assertThat(cluster.condition("p", "RaiseAvailable"))
                .isEqualTo("True Proved: every node has proved " + HIGH + "; approve it with spec.raise.approve: "
                        + candidate());
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.RaiseAvailable);
        cluster.pass(Duration.ofDays(30));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
    }

    @Test
    void aCandidateSaysWhatItGainsWhereNoFeatureDiffers() {
        SimulatedCluster a57 = new SimulatedCluster();
        a57.join("n1", "a", "6.12-cortex-a57");
        a57.join("n2", "a", "6.18-cortex-a57");
        a57.apply("p", spec);
        a57.reported();
        a57.boot("n1", "6.18-cortex-a57");
        a57.reported();
        assertThat(a57.status("p").candidate().gains())
                .contains("PSCI_VERSION: 0x10001 -> 0x10003", "VENDOR_HYP_BMAP_2: present");
        assertThat(a57.status("p").candidate().losses()).isEmpty();
    }

    @Test
    void aCandidateIsRaisedByTheDigestOfThatVeryCandidate() {
        String high = candidate();
        cluster.apply("p", spec.approve("0".repeat(64)));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);

        cluster.apply("p", spec.approve(high));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.status("p").baseline().generation()).isEqualTo(2);
        assertThat(cluster.status("p").candidate()).isNull();
        assertThat(cluster.status("p").previous().digest()).startsWith(LOW);
        assertThat(cluster.status("p").previous().finalisedAt()).isEqualTo("2026-01-01T01:00:00Z");
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.BaselineRaised);
        assertThat(cluster.hosts.values())
                .allSatisfy(h -> assertThat(h.guestAbiLabels).contains(LOW, HIGH));
    }

    @Test
    void anApprovalBeforeEveryNodeHasProvedItWaits() {
        String high = candidate();
        cluster.boot("n2", "6.12-cortex-a76");
        cluster.apply("p", spec.approve(high));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
        cluster.report("n2");
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
    }

    @Test
    void aCandidateStaysWhileANodeReboots() {
        String high = candidate();
        cluster.boot("n2", "6.12-cortex-a76");
        cluster.settle();
        assertThat(candidate()).isEqualTo(high);
        assertThat(cluster.condition("p", "RaiseAvailable"))
                .isEqualTo("False WaitingForProof: 2 of 3 nodes have proved " + HIGH + "; waiting for n2");
        cluster.report("n2");
        cluster.settle();
        assertThat(candidate()).isEqualTo(high);
        assertThat(cluster.condition("p", "RaiseAvailable")).startsWith("True Proved: ");
    }

    @Test
    void aCandidateStaysWhileANodeReportsButHasNotProvedYet() {
        String high = candidate();
        cluster.boot("n2", "6.12-cortex-a76");
        cluster.report("n2", Set.of());
        cluster.reconcileAll();
        assertThat(candidate()).isEqualTo(high);
        assertThat(cluster.condition("p", "RaiseAvailable")).contains("waiting for n2");
    }

    @Test
    void aFencedNodeThatRebootsOffersNoLesserCandidate() {
        cluster.apply("p", spec.approve(candidate()));
        cluster.settle();
        cluster.join("lesser", "a", "6.1-cortex-a76");
        cluster.reported();
        assertThat(cluster.status("p").nodes().fenced()).isEqualTo(1);
        cluster.boot("lesser", "6.1-cortex-a76");
        cluster.settle();
        assertThat(cluster.status("p").candidate()).isNull();
        cluster.report("lesser", Set.of());
        cluster.reconcileAll();
        assertThat(cluster.status("p").candidate()).isNull();
    }

    @Test
    void aCandidateGoesWhenANodeComesBackThatCannotHonourIt() {
        cluster.boot("n2", "6.1-cortex-a76");
        cluster.reported();
        assertThat(cluster.status("p").candidate()).isNull();
        assertThat(cluster.condition("p", "RaiseAvailable")).startsWith("False NoCandidate");
        assertThat(pin()).isEqualTo(LOW);
    }

    @Test
    void anAutomaticRaiseWaitsForTheSoak() {
        cluster.apply("p", spec.automatic("30m"));
        cluster.settle();
        assertThat(cluster.status("p").candidate().soakEndsAt()).isEqualTo("2026-01-01T00:30:00Z");
        PolicyDecision waiting = PolicyDecision.decide(cluster.fleet(), cluster.policies.get("p"), cluster.now);
        assertThat(waiting.next()).isEqualTo("2026-01-01T00:30:00Z");
        cluster.pass(Duration.ofMinutes(30).minusSeconds(1));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
        cluster.pass(Duration.ofSeconds(1));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
        assertThat(cluster.status("p").history().getFirst().why()).isEqualTo("soaked for 30m");
    }

    @Test
    void aNodeThatRebootsStartsTheSoakAnew() {
        cluster.apply("p", spec.automatic("30m"));
        cluster.pass(Duration.ofMinutes(20));
        cluster.boot("n2", "6.12-cortex-a76");
        cluster.settle();
        cluster.report("n2");
        cluster.settle();
        cluster.pass(Duration.ofMinutes(20));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
        cluster.pass(Duration.ofMinutes(10));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
    }

    @Test
    void theWayBackIsOpenUntilItIsFinal() {
        String low = cluster.status("p").baseline().digest();
        cluster.apply("p", spec.approve(candidate()));
        cluster.settle();
        cluster.pass(Duration.ofMinutes(59));
        cluster.apply("p", spec.approve(low));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
        assertThat(cluster.status("p").baseline().generation()).isEqualTo(3);
        assertThat(cluster.status("p").previous()).isNull();
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.BaselineReturned);
        assertThat(cluster.status("p").history())
                .extracting(Change::what)
                .containsExactly("Returned", "Raised", "Pinned");
    }

    @Test
    void afterTheSoakTheWayBackIsClosed() {
        String low = cluster.status("p").baseline().digest();
        cluster.apply("p", spec.approve(candidate()));
        cluster.settle();
        PolicyDecision open = PolicyDecision.decide(cluster.fleet(), cluster.policies.get("p"), cluster.now);
        assertThat(open.next()).isEqualTo("2026-01-01T01:00:00Z");
        cluster.pass(Duration.ofHours(1));
        cluster.settle();
        assertThat(cluster.status("p").previous()).isNull();
        assertThat(cluster.eventReasons()).containsOnlyOnce(Reason.RaiseFinalised);
        cluster.apply("p", spec.approve(low));
        cluster.settle();
        assertThat(pin()).isEqualTo(HIGH);
    }

    @Test
    void anApprovalThatStandsDoesNotUndoTheReturn() {
        String low = cluster.status("p").baseline().digest();
        String high = candidate();
        cluster.apply("p", spec.approve(high));
        cluster.settle();
        cluster.apply("p", spec.approve(low));
        cluster.settle();
        cluster.pass(Duration.ofDays(3));
        cluster.settle();
        assertThat(pin()).isEqualTo(LOW);
        assertThat(candidate()).isEqualTo(high);
    }

    @Test
    void historyKeepsTheLastTenChanges() {
        for (int i = 0; i < 12; i++) {
            cluster.apply(
                    "p",
                    spec.approve(
                            cluster.status("p").previous() == null
                                    ? candidate()
                                    : cluster.status("p").previous().digest()));
            cluster.settle();
            cluster.pass(Duration.ofMinutes(1));
        }
        assertThat(cluster.status("p").baseline().generation()).isEqualTo(13);
        List<Change> history = cluster.status("p").history();
        assertThat(history).hasSize(10);
        assertThat(history.getFirst().generation()).isEqualTo(13);
        assertThat(history.getLast().generation()).isEqualTo(4);
    }

    @Test
    void conditionsSayTheirGenerationAndKeepTheirTransitionTime() {
        String since = readySince();
        cluster.pass(Duration.ofMinutes(3));
        cluster.apply("p", spec.soak("2h"));
        cluster.settle();
        assertThat(readySince()).isEqualTo(since);
        assertThat(cluster.status("p").observedGeneration()).isEqualTo(2);
        assertThat(cluster.status("p").conditions())
                .allSatisfy(c -> assertThat(c.getObservedGeneration()).isEqualTo(2));
    }

    private String readySince() {
        return cluster.status("p").conditions().stream()
                .filter(c -> c.getType().equals("Ready"))
                .findFirst()
                .orElseThrow()
                .getLastTransitionTime();
    }
}
