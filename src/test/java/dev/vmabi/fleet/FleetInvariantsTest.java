package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.vmabi.fleet.Invariants.Violation;
import dev.vmabi.fleet.SimulatedCluster.Rules;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The rules of the pin hold whatever happens, in whatever order. {@code -Dvmabi.sequences=N} runs more of them,
 * {@code -Dvmabi.seed=S} starts elsewhere; a failure prints its seed and the shortest sequence that was found for it.
 */
class FleetInvariantsTest {
    private static final Verdicts VERDICTS = new Verdicts();

    @Test
    void holdInRandomSequences() {
        long first = Long.getLong("vmabi.seed", 1);
        int sequences = Integer.getInteger("vmabi.sequences", 1_000);
        for (long seed = first; seed < first + sequences; seed++) {
            FleetSequence sequence = FleetSequence.random(seed);
            Optional<Violation> violation = sequence.run(SimulatedCluster.PRODUCT, VERDICTS);
            if (violation.isPresent()) {
                int rule = violation.get().rule;
                FleetSequence shrunk = sequence.shrunk(SimulatedCluster.PRODUCT, VERDICTS, rule);
                Violation shortest =
                        shrunk.run(SimulatedCluster.PRODUCT, VERDICTS).orElseThrow();
                fail("seed " + seed + ": " + shortest.getMessage() + "\nafter\n" + shrunk, shortest);
            }
        }
    }

    /** Sequences must get somewhere, or all of this shows nothing. */
    @Test
    void sequencesReachWhatTheyAreFor() {
        Set<FleetEvent.Reason> reached = new HashSet<>();
        for (long seed = 1; seed <= 200; seed++) {
            FleetSequence.random(seed).run(new Counting(reached), VERDICTS);
        }
        assertThat(reached)
                .contains(
                        FleetEvent.Reason.BaselinePinned,
                        FleetEvent.Reason.BaselineRaised,
                        FleetEvent.Reason.BaselineReturned,
                        FleetEvent.Reason.BaselineLowered,
                        FleetEvent.Reason.LoweringRefused,
                        FleetEvent.Reason.RaiseAvailable,
                        FleetEvent.Reason.RaiseFinalised,
                        FleetEvent.Reason.FenceRaised,
                        FleetEvent.Reason.NodeFenced,
                        FleetEvent.Reason.NodeAccepted,
                        FleetEvent.Reason.NodeReportStale,
                        FleetEvent.Reason.NoCommonABI,
                        FleetEvent.Reason.PolicyConflict,
                        FleetEvent.Reason.PolicyInvalid);
    }

    @ParameterizedTest
    @EnumSource
    void aBrokenRuleIsCaught(BrokenRule broken) {
        for (long seed = 1; seed <= 1_000; seed++) {
            Optional<Violation> violation = FleetSequence.random(seed).run(broken, VERDICTS);
            if (violation.isPresent()) {
                assertThat(violation.get().rule)
                        .as("%s (seed %d)", violation.get().getMessage(), seed)
                        .isEqualTo(broken.rule());
                return;
            }
        }
        fail(broken + " was not caught in 1000 sequences");
    }

    private record Counting(Set<FleetEvent.Reason> reached) implements Rules {
        @Override
        public PolicyDecision decide(Fleet fleet, FleetState.Policy policy, Instant now) {
            PolicyDecision decision = SimulatedCluster.PRODUCT.decide(fleet, policy, now);
            decision.events().forEach(e -> reached.add(e.reason()));
            return decision;
        }

        @Override
        public NodeDecision decide(Fleet fleet, FleetState.Node node, Instant now) {
            NodeDecision decision = SimulatedCluster.PRODUCT.decide(fleet, node, now);
            decision.events().forEach(e -> reached.add(e.reason()));
            return decision;
        }
    }
}
