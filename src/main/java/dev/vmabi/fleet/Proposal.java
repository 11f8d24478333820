package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Minimum;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Candidate;
import dev.vmabi.fleet.FleetState.Policy;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** A guest ABI that the pool could be pinned to, and whose proof of it is awaited. */
record Proposal(Candidate candidate, Members awaited) {
    private static final int MOST_CHANGES = 100;

    /** What those nodes have in common, beside the baseline if there is one. */
    static Proposal of(Situation situation, Optional<GuestAbi> baseline, Minimum.Common common, Members provers) {
        GuestAbi abi = common.abi();
        Verdicts verdicts = situation.fleet().verdicts();
        List<String> gains = baseline.map(now -> verdicts.gains(now, abi)).orElseGet(() -> List.copyOf(abi.features()));
        List<String> losses = baseline.map(now -> verdicts.gains(abi, now)).orElse(List.of());
        Members awaited = provers.where(g -> !situation.proved(g, abi.digest()));
        String provedAt = awaited.isEmpty() && !provers.isEmpty()
                ? provedAtBefore(situation.policy(), abi.digest()).orElse(Conditions.time(situation.now()))
                : null;
        return new Proposal(
                new Candidate(
                        abi.digest().hex(),
                        common.clamp().toString(),
                        gains.stream().limit(MOST_CHANGES).toList(),
                        losses.stream().limit(MOST_CHANGES).toList(),
                        provers.size() - awaited.size(),
                        provers.size(),
                        provedAt,
                        provedAt == null
                                ? null
                                : Conditions.time(Instant.parse(provedAt)
                                        .plus(situation.terms().soak()))),
                awaited);
    }

    private static Optional<String> provedAtBefore(Policy policy, Digest digest) {
        return Optional.ofNullable(policy.status())
                .map(VirtualMachineABIStatus::candidate)
                .filter(c -> c.digest().equals(digest.hex()))
                .map(Candidate::provedAt);
    }

    /** Whether every one of the nodes, and at least one, has proved it. */
    boolean proved() {
        return candidate.provedAt() != null;
    }

    /** How many have proved it, and whose proof is awaited. */
    String progress() {
        return candidate.proved() + " of " + candidate.needed() + " nodes have proved "
                + candidate.digest().substring(0, 16)
                + (awaited.isEmpty() ? "" : "; waiting for " + awaited.names());
    }
}
