package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.SimulatedCluster.Rules;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** A fleet that was made from an earlier one is the same as one made from nothing, whatever happened between them. */
class LaterFleetTest {
    private static final Verdicts VERDICTS = new Verdicts();

    @Test
    void decidesAsOneMadeFromNothing() {
        int decisions = 0;
        for (long seed = 1; seed <= 300; seed++) {
            BothWays both = new BothWays();
            FleetSequence.random(seed).run(both, VERDICTS);
            decisions += both.decisions;
        }
        assertThat(decisions).isGreaterThan(10_000);
    }

    @Test
    void nodesAndPoliciesThatAChangeDoesNotConcernAreDecidedAsBefore() {
        int spared = 0;
        int sparedPolicies = 0;
        for (long seed = 1; seed <= 300; seed++) {
            Unconcerned unconcerned = new Unconcerned();
            FleetSequence.random(seed).run(unconcerned, VERDICTS);
            spared += unconcerned.sparedByContent;
            sparedPolicies += unconcerned.sparedPolicies;
        }
        assertThat(spared).isGreaterThan(1_000);
        assertThat(sparedPolicies).isGreaterThan(100);
    }

    /** Decides for every node and policy that a change is said not to concern, with the fleet before and the one after it. */
    private static final class Unconcerned implements Rules {
        private Fleet last;
        private int sparedByContent;
        private int sparedPolicies;

        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            compare(fleet, now);
            return SimulatedCluster.PRODUCT.decide(fleet, policy, now);
        }

        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            compare(fleet, now);
            return SimulatedCluster.PRODUCT.decide(fleet, node, now);
        }

        private void compare(Fleet fleet, Instant now) {
            if (last != null) {
                spare(last, fleet, now);
                sparedPolicies += sparePolicies(last, fleet, now);
                FleetState was = last.state();
                FleetState is = fleet.state();
                Fleet between = new Fleet(
                        new FleetState(
                                was.policies(),
                                was.nodesByName(),
                                is.profiles(),
                                is.guestAbis(),
                                was.vmsByKey(),
                                was.namespaces()),
                        VERDICTS);
                if (!is.profiles().equals(was.profiles()) || !is.guestAbis().equals(was.guestAbis())) {
                    sparedByContent += spare(last, between, now);
                }
            }
            last = fleet;
        }

        private static int sparePolicies(Fleet before, Fleet after, Instant now) {
            Set<String> concerned = PolicyDecision.concerned(before, after);
            List<Policy> spared = after.state().policies().stream()
                    .filter(p -> !concerned.contains(p.name()))
                    .toList();
            for (Policy policy : spared) {
                assertThat(PolicyDecision.decide(after, policy, now))
                        .isEqualTo(PolicyDecision.decide(before, policy, now));
            }
            return spared.size();
        }

        private static int spare(Fleet before, Fleet after, Instant now) {
            Set<String> spared = new TreeSet<>(after.state().nodesByName().keySet());
            spared.removeAll(NodeDecision.concerned(before, after));
            for (String name : spared) {
                Node node = after.node(name).orElseThrow();
                assertThat(NodeDecision.decide(after, node, now)).isEqualTo(NodeDecision.decide(before, node, now));
            }
            return spared.size();
        }
    }

    /** Decides from a fleet made from nothing, and from one that has been kept since the first decision. */
    private static final class BothWays implements Rules {
        private Fleet kept;
        private int decisions;

        @Override
        public PolicyDecision decide(Fleet fleet, Policy policy, Instant now) {
            keepUpWith(fleet);
            PolicyDecision decision = SimulatedCluster.PRODUCT.decide(fleet, policy, now);
            assertThat(SimulatedCluster.PRODUCT.decide(kept, policy, now)).isEqualTo(decision);
            return decision;
        }

        @Override
        public NodeDecision decide(Fleet fleet, Node node, Instant now) {
            keepUpWith(fleet);
            NodeDecision decision = SimulatedCluster.PRODUCT.decide(fleet, node, now);
            assertThat(SimulatedCluster.PRODUCT.decide(kept, node, now)).isEqualTo(decision);
            return decision;
        }

        private void keepUpWith(Fleet fleet) {
            decisions++;
            kept = kept == null ? fleet : kept.next(sharing(kept.state(), fleet.state()));
            assertThat(kept.index().nodes().all())
                    .isEqualTo(fleet.index().nodes().all());
            assertThat(kept.index().vms().all()).isEqualTo(fleet.index().vms().all());
            for (Node node : fleet.state().nodes()) {
                assertThat(kept.standing(node.name())).isEqualTo(fleet.standing(node.name()));
                assertThat(kept.index().vmsOn(node.name()))
                        .isEqualTo(fleet.index().vmsOn(node.name()));
            }
            for (Policy policy : fleet.state().policies()) {
                assertThat(kept.pool(policy)).containsExactlyElementsOf(fleet.pool(policy));
                assertThat(kept.pools().lost(policy)).isEqualTo(fleet.pools().lost(policy));
                assertThat(kept.pools().contested(policy))
                        .isEqualTo(fleet.pools().contested(policy));
                for (Digest guestAbi : fleet.state().guestAbis().keySet()) {
                    assertThat(kept.proofs(policy, guestAbi)).isEqualTo(fleet.proofs(policy, guestAbi));
                    assertThat(kept.homes(policy, guestAbi.label(), Clamp.NONE))
                            .isEqualTo(fleet.homes(policy, guestAbi.label(), Clamp.NONE));
                }
            }
        }
    }

    /** The later state, as the operator makes it: from the one before it. */
    private static FleetState sharing(FleetState before, FleetState now) {
        return new FleetState(
                now.policies(),
                sharing(before.nodesByName(), now.nodesByName()),
                now.profiles(),
                now.guestAbis(),
                sharing(before.vmsByKey(), now.vmsByKey()),
                now.namespaces());
    }

    private static <V> PersistentMap<String, V> sharing(PersistentMap<String, V> before, PersistentMap<String, V> now) {
        PersistentMap<String, V> shared = before;
        for (String key : before.differences(now)) {
            shared = now.containsKey(key) ? shared.with(key, now.get(key)) : shared.without(key);
        }
        return shared;
    }
}
