package dev.vmabi.fleet;

import static dev.vmabi.fleet.Invariants.ensure;

import dev.vmabi.api.VirtualMachineABISpec.RaiseStrategy;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Candidate;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.SimulatedCluster.Host;
import java.time.Duration;
import java.time.Instant;

/**
 * What the rules of the pin take for granted: what is due is done, each thing is told once, and an operator that is
 * called when it asked to be misses nothing that time alone brings.
 */
final class Steadiness {
    private static final Duration LONG = Duration.ofDays(400);

    private final SimulatedCluster cluster;

    Steadiness(SimulatedCluster cluster) {
        this.cluster = cluster;
    }

    void decided(Fleet fleet, Policy policy, PolicyDecision decision) {
        if (!decision.status().equals(policy.status())) {
            return;
        }
        ensure(decision.events().isEmpty(), 0, () -> policy.name() + " has nothing new and tells " + decision.events());
        Instant later = decision.next().equals(Instant.MAX)
                ? cluster.now.plus(LONG)
                : decision.next().minusSeconds(1);
        if (later.isAfter(cluster.now)) {
            VirtualMachineABIStatus then =
                    cluster.rules.decide(fleet, policy, later).status();
            ensure(
                    then.equals(policy.status()),
                    0,
                    () -> policy.name() + " asks to be looked at again at " + decision.next() + ", and changes before");
        }
    }

    void decided(Host host, NodeDecision decision) {
        boolean same = decision.labels().equals(host.guestAbiLabels)
                && decision.profile().equals(host.profileLabel)
                && decision.status().map(s -> s.equals(host.status)).orElse(true);
        ensure(
                !same || decision.events().isEmpty(),
                0,
                () -> host.name + " has nothing new and is told of: " + decision.events());
    }

    /** Nothing is left undone that every node has proved and that somebody or some time has approved. */
    void settled() {
        cluster.policies.values().stream().filter(this::decides).forEach(policy -> {
            VirtualMachineABIStatus status = policy.status();
            if (status.previous() != null) {
                ensure(
                        cluster.now.isBefore(Instant.parse(status.previous().finalisedAt())),
                        2,
                        () -> policy.name() + " keeps a way back whose time is over");
            }
            Candidate candidate = status.candidate();
            if (candidate != null && candidate.provedAt() != null) {
                ensure(status.baseline() != null, 2, () -> policy.name() + " does not pin what every node has proved");
                ensure(
                        !candidate.losses().isEmpty() || !approved(policy, candidate),
                        2,
                        () -> policy.name() + " is not raised to what every node has proved and is approved");
            }
        });
    }

    /** A policy that is wrong changes nothing until it is mended. */
    private boolean decides(Policy policy) {
        return policy.status() != null
                && cluster.verdicts.terms(policy.spec()).problems().isEmpty();
    }

    private boolean approved(Policy policy, Candidate candidate) {
        return candidate.digest().equals(policy.spec().raise().approve())
                || (policy.spec().raise().strategy() == RaiseStrategy.Automatic
                        && !cluster.now.isBefore(Instant.parse(candidate.soakEndsAt())));
    }
}
