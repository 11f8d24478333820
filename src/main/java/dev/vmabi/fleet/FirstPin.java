package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.fleet.FleetEvent.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** The first pin of a policy: waits for the whole pool to report, then for each node to prove it. */
final class FirstPin {
    /** How long it waits for Ready nodes that do not report. */
    private static final Duration GRACE = Duration.ofMinutes(10);

    private final Situation situation;
    private final BaselineDraft draft;
    private final PolicyTerms terms;
    private final Pool pool;
    private final Members silent;
    private Optional<Minimum> minimum = Optional.empty();
    private Optional<Proposal> proposal = Optional.empty();

    FirstPin(Situation situation, BaselineDraft draft) {
        this.situation = situation;
        this.draft = draft;
        this.terms = situation.terms();
        this.pool = situation.pool();
        this.silent = pool.withoutReport().where(g -> g.kind() instanceof NodeKind.Silent kind && kind.ready());
    }

    /** Pins, if that is due. Returns why nothing is pinned yet; empty once something is. */
    Optional<Finding> decide() {
        Instant graceEnds = situation.policy().created().plus(GRACE);
        if (!silent.isEmpty() && situation.now().isBefore(graceEnds)) {
            draft.lookAgainAt(graceEnds);
            return not(
                    ConditionReason.WaitingForNodes,
                    silent.size() + " of " + pool.members().size() + " nodes have not reported: " + silent.names()
                            + "; the first pin waits for them until " + Conditions.time(graceEnds));
        }
        return terms.profile().map(this::ofProfile).orElseGet(this::ofPool);
    }

    private Optional<Finding> ofPool() {
        SortedMap<Digest, HostProfile> profiles = pool.reportedProfiles();
        if (profiles.isEmpty()) {
            return not(
                    ConditionReason.NoNodes,
                    pool.members().isEmpty()
                            ? "spec.nodeSelector matches no arm64 node"
                            : "no node of the pool has a report that holds and what spec.baseline.require asks for");
        }
        return switch (minimum(profiles)) {
            case Minimum.None none ->
                not(
                        ConditionReason.NoCommonABI,
                        "no guest ABI is common to these " + none.classes().size() + " classes of hosts under "
                                + terms.vmm()
                                + "; give each class a policy of its own (status.classes says who accepts whom)");
            case Minimum.Common common -> {
                Members provers = reporting();
                yield pinIfProved(
                        common, provers, "the least that " + provers.size() + " nodes can honour, proved by each");
            }
        };
    }

    /** A profile is pinned as it is: nodes whose kernel has refused it are fenced, the others must have proved it. */
    private Optional<Finding> ofProfile(Digest wanted) {
        HostProfile profile = situation.fleet().state().profiles().get(wanted);
        if (profile == null) {
            return not(
                    ConditionReason.ProfileMissing,
                    "ABIProfile " + wanted.hex()
                            + " of spec.baseline.profile does not exist or does not hold (kubectl get abiprofiles)");
        }
        return switch (minimum(new TreeMap<>(Map.of(wanted, profile)))) {
            case Minimum.None none ->
                not(
                        ConditionReason.NoCommonABI,
                        "profile " + wanted.label() + " cannot be pinned as spec asks for it"
                                + none.reasons().stream()
                                        .findFirst()
                                        .map(r -> ": " + r.message())
                                        .orElse(""));
            case Minimum.Common common -> {
                Digest digest = common.abi().digest();
                Members provers = reporting().where(g -> situation.proved(g, digest) || !g.tried(digest));
                Optional<Finding> unproved = pinIfProved(
                        common,
                        provers,
                        "what profile " + wanted.label() + " shows, proved by " + provers.size() + " nodes");
                yield provers.isEmpty()
                        ? not(ConditionReason.ProofFailed, "no node of the pool can honour profile " + wanted.label())
                        : unproved;
            }
        };
    }

    private Minimum minimum(SortedMap<Digest, HostProfile> profiles) {
        Minimum of = situation.fleet().verdicts().minimum(profiles, terms.vmm(), terms.exclusions());
        minimum = Optional.of(of);
        return of;
    }

    private Optional<Finding> pinIfProved(Minimum.Common common, Members provers, String why) {
        Proposal proposed = Proposal.of(situation, Optional.empty(), common, provers);
        draft.publish(common.abi());
        if (proposed.proved()) {
            draft.pin(common, "Pinned", Reason.BaselinePinned, why + missing());
            return Optional.empty();
        }
        proposal = Optional.of(proposed);
        return unproved(proposed, common.abi().digest());
    }

    private Optional<Finding> unproved(Proposal proposed, Digest digest) {
        Members refusing = proposed.awaited().where(g -> g.tried(digest));
        return refusing.isEmpty()
                ? not(ConditionReason.WaitingForProof, proposed.progress())
                : not(
                        ConditionReason.ProofFailed,
                        "the kernel refused " + digest.label() + " on " + refusing.names() + ": "
                                + situation
                                        .fleet()
                                        .obstacle(refusing.first().name(), digest, terms.vmm())
                                        .orElse(""));
    }

    private static Optional<Finding> not(ConditionReason reason, String message) {
        return Optional.of(new Finding(false, reason, message));
    }

    private String missing() {
        return silent.isEmpty()
                ? ""
                : "; " + silent.size() + " of " + pool.members().size() + " nodes had not reported: " + silent.names();
    }

    private Members reporting() {
        return pool.unfenced().where(g -> g.report().isPresent());
    }

    /** What is about to be pinned; empty while it is not known, and once it is pinned. */
    Optional<Proposal> proposal() {
        return proposal;
    }

    /** What the pool could honour; empty while nothing was computed. */
    Optional<Minimum> minimum() {
        return minimum;
    }
}
