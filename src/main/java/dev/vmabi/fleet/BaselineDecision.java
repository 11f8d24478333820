package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.api.VirtualMachineABISpec.RaiseStrategy;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Candidate;
import dev.vmabi.api.VirtualMachineABIStatus.Change;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.Previous;
import dev.vmabi.fleet.FleetEvent.Reason;
import dev.vmabi.fleet.FleetState.Policy;
import dev.vmabi.fleet.Pool.Member;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The life of one policy's baseline: first pin, candidate, raise, the way back, finalisation.
 *
 * <p>It is never lowered by the arrival of a lesser node: candidates are made only from nodes that honour the pin.
 */
final class BaselineDecision {
    /** How long a first pin waits for Ready nodes that do not report. */
    static final Duration FIRST_PIN_GRACE = Duration.ofMinutes(10);

    private static final int MOST_HISTORY = 10;
    private static final int MOST_NAMES = 5;

    private final Fleet fleet;
    private final Policy policy;
    private final PolicyTerms terms;
    private final Pool pool;
    private final Instant now;

    private final Map<Digest, GuestAbi> guestAbis = new HashMap<>();
    private final List<FleetEvent> events = new ArrayList<>();
    private final List<Change> history;
    private Pin pin;
    private Candidate candidate;
    private Previous previous;
    private Minimum minimum;
    private String reason = "Pinned";
    private String message = "";
    private Instant next = Instant.MAX;

    private BaselineDecision(Fleet fleet, Policy policy, PolicyTerms terms, Pool pool, Instant now) {
        this.fleet = fleet;
        this.policy = policy;
        this.terms = terms;
        this.pool = pool;
        this.now = now;
        VirtualMachineABIStatus status = policy.status();
        this.history = new ArrayList<>(status == null ? List.of() : status.history());
        this.pin = status == null ? null : status.baseline();
        this.previous = status == null ? null : status.previous();
    }

    static BaselineDecision decide(Fleet fleet, Policy policy, PolicyTerms terms, Pool pool, Instant now) {
        BaselineDecision decision = new BaselineDecision(fleet, policy, terms, pool, now);
        decision.decide();
        return decision;
    }

    Optional<Pin> pin() {
        return Optional.ofNullable(pin);
    }

    Optional<Candidate> candidate() {
        return Optional.ofNullable(candidate);
    }

    Optional<Previous> previous() {
        return Optional.ofNullable(previous);
    }

    /** What the present pool could honour; empty while nothing was computed. */
    Optional<Minimum> minimum() {
        return Optional.ofNullable(minimum);
    }

    List<Change> history() {
        return history;
    }

    List<FleetEvent> events() {
        return events;
    }

    /** Guest ABIs that must exist as objects, for agents to prove. */
    Map<Digest, GuestAbi> guestAbis() {
        return guestAbis;
    }

    /** Reason of the condition BaselinePinned. */
    String reason() {
        return reason;
    }

    String message() {
        return message;
    }

    /** When time alone may change this decision. */
    Instant next() {
        return next;
    }

    private void decide() {
        keep(pin == null ? null : pin.digest());
        keep(previous == null ? null : previous.digest());
        if (!terms.problems().isEmpty()) {
            reason = pin == null ? "PolicyInvalid" : "Pinned";
            message = pin == null ? "nothing is pinned until the policy is mended" : pinnedMessage();
            return;
        }
        if (pin == null) {
            pinFirst();
        } else {
            goBackIfApproved();
            finaliseIfDue();
            offerAndRaise();
            message = pinnedMessage();
        }
    }

    private void keep(String digest) {
        if (digest != null) {
            Digest parsed = Digest.parse(digest);
            fleet.guestAbi(parsed).ifPresent(abi -> guestAbis.put(parsed, abi));
        }
    }

    private void pinFirst() {
        List<Member> silent =
                pool.withoutReport().stream().filter(m -> m.node().ready()).toList();
        Instant graceEnds = policy.created().plus(FIRST_PIN_GRACE);
        if (!silent.isEmpty() && now.isBefore(graceEnds)) {
            wait(
                    "WaitingForNodes",
                    silent.size() + " of " + pool.members().size()
                            + " nodes have not reported: " + names(silent) + "; the first pin waits for them until "
                            + Conditions.time(graceEnds));
            next = graceEnds;
            return;
        }
        SortedMap<Digest, HostProfile> profiles = sourceProfiles(pool.reportedProfiles());
        if (profiles.isEmpty()) {
            wait(
                    "NoNodes",
                    pool.members().isEmpty()
                            ? "spec.nodeSelector matches no arm64 node"
                            : "no node of the pool has a report that holds and what spec.baseline.require asks for");
            return;
        }
        switch (fleet.verdicts().minimum(profiles, terms.vmm(), terms.exclusions())) {
            case Minimum.None none -> {
                minimum = none;
                wait(
                        "NoCommonABI",
                        "no guest ABI is common to these " + none.classes().size()
                                + " classes of hosts under " + terms.vmm()
                                + "; give each class a policy of its own (status.classes says who accepts whom)");
            }
            case Minimum.Common common -> {
                minimum = common;
                offer(common, pool.unfenced(), new TreeSet<>());
                if (provedByAll()) {
                    pin(
                            common,
                            1,
                            "Pinned",
                            Reason.BaselinePinned,
                            "the least that " + pool.unfenced().size() + " nodes can honour, proved by each");
                }
            }
        }
    }

    private void wait(String why, String text) {
        reason = why;
        message = text;
    }

    private void offerAndRaise() {
        SortedMap<Digest, HostProfile> profiles =
                sourceProfiles(pool.honouringProfiles(fleet.state().profiles()));
        if (profiles.isEmpty()
                || !(fleet.verdicts().minimum(profiles, terms.vmm(), terms.exclusions())
                        instanceof Minimum.Common common)) {
            return;
        }
        minimum = common;
        if (common.abi().digest().hex().equals(pin.digest())) {
            return;
        }
        offer(common, pool.unfenced(), new TreeSet<>(pin.features()));
        if (!provedByAll() || candidate.needed() == 0) {
            return;
        }
        boolean approved = terms.approve().filter(common.abi().digest()::equals).isPresent();
        Instant soakEnds = Instant.parse(candidate.soakEndsAt());
        boolean soaked = policy.spec().raise().strategy() == RaiseStrategy.Automatic && !now.isBefore(soakEnds);
        if (policy.spec().raise().strategy() == RaiseStrategy.Automatic && !soaked) {
            sooner(soakEnds);
        }
        if (approved || soaked) {
            Pin old = pin;
            pin(
                    common,
                    old.generation() + 1,
                    "Raised",
                    Reason.BaselineRaised,
                    approved
                            ? "approved by digest"
                            : "soaked for " + policy.spec().raise().soak());
            Instant closes = now.plus(terms.soak());
            previous = new Previous(old.generation(), old.digest(), old.clamp(), Conditions.time(closes));
            keep(old.digest());
            sooner(closes);
        }
    }

    private void goBackIfApproved() {
        if (previous == null
                || terms.approve()
                        .filter(d -> d.hex().equals(previous.digest()))
                        .isEmpty()) {
            return;
        }
        Optional<GuestAbi> abi = fleet.guestAbi(Digest.parse(previous.digest()));
        if (abi.isEmpty()) {
            return;
        }
        pin(
                new Pin(
                        pin.generation() + 1,
                        previous.digest(),
                        abi.get().digest().label(),
                        previous.clamp(),
                        List.copyOf(abi.get().features()),
                        Conditions.time(now)),
                abi.get(),
                "Returned",
                Reason.BaselineReturned,
                "the previous baseline was approved before the raise was final");
        previous = null;
    }

    private void finaliseIfDue() {
        if (previous == null) {
            return;
        }
        Instant closes = Instant.parse(previous.finalisedAt());
        if (now.isBefore(closes)) {
            sooner(closes);
            return;
        }
        record("Finalised", "the way back to generation " + previous.generation() + " is closed");
        events.add(new FleetEvent(
                Reason.RaiseFinalised,
                "Generation " + pin.generation() + " is final; the way back to " + previous.generation()
                        + " is closed"));
        previous = null;
    }

    private void offer(Minimum.Common common, List<Member> provers, SortedSet<String> featuresNow) {
        Digest digest = common.abi().digest();
        guestAbis.put(digest, common.abi());
        SortedSet<String> gains = new TreeSet<>(common.abi().features());
        gains.removeAll(featuresNow);
        SortedSet<String> losses = new TreeSet<>(featuresNow);
        losses.removeAll(common.abi().features());
        int proved = (int) provers.stream().filter(m -> proved(m, digest)).count();
        List<Member> awaited = pin == null
                ? provers.stream()
                        .filter(m -> m.standing() instanceof Standing.Fresh)
                        .toList()
                : provers;
        boolean all = proved == awaited.size() && proved > 0;
        String provedAt = all ? provedAtBefore(digest).orElse(Conditions.time(now)) : null;
        candidate = new Candidate(
                digest.hex(),
                common.clamp().toString(),
                gains.stream().limit(100).toList(),
                losses.stream().limit(100).toList(),
                proved,
                awaited.size(),
                provedAt,
                provedAt == null
                        ? null
                        : Conditions.time(Instant.parse(provedAt).plus(terms.soak())));
        if (pin == null) {
            List<Member> refusing = awaited.stream()
                    .filter(m -> m.standing() instanceof Standing.Fresh fresh
                            && fresh.proof(digest).isPresent()
                            && !proved(m, digest))
                    .toList();
            wait(
                    refusing.isEmpty() ? "WaitingForProof" : "ProofFailed",
                    refusing.isEmpty()
                            ? proved + " of " + awaited.size() + " nodes have proved " + digest.label()
                            : "the kernel refused " + digest.label() + " on " + names(refusing) + ": "
                                    + fleet.obstacle(refusing.getFirst().node().name(), digest, terms.vmm())
                                            .orElse(""));
        }
    }

    private boolean proved(Member member, Digest guestAbi) {
        return fleet.obstacle(member.node().name(), guestAbi, terms.vmm()).isEmpty();
    }

    private Optional<String> provedAtBefore(Digest digest) {
        return Optional.ofNullable(policy.status())
                .map(VirtualMachineABIStatus::candidate)
                .filter(c -> c.digest().equals(digest.hex()))
                .map(Candidate::provedAt);
    }

    private boolean provedByAll() {
        return candidate != null && candidate.provedAt() != null;
    }

    private void pin(Minimum.Common common, long generation, String what, Reason event, String why) {
        GuestAbi abi = common.abi();
        pin(
                new Pin(
                        generation,
                        abi.digest().hex(),
                        abi.digest().label(),
                        common.clamp().toString(),
                        abi.features().stream().limit(200).toList(),
                        Conditions.time(now)),
                abi,
                what,
                event,
                why);
        candidate = null;
    }

    private void pin(Pin to, GuestAbi abi, String what, Reason event, String why) {
        pin = to;
        guestAbis.put(abi.digest(), abi);
        reason = "Pinned";
        message = pinnedMessage();
        record(what, why);
        events.add(new FleetEvent(event, what + " generation " + to.generation() + " (" + to.label() + "): " + why));
    }

    private void record(String what, String why) {
        history.addFirst(new Change(Conditions.time(now), what, pin.generation(), pin.digest(), why));
        while (history.size() > MOST_HISTORY) {
            history.removeLast();
        }
    }

    private SortedMap<Digest, HostProfile> sourceProfiles(SortedMap<Digest, HostProfile> ofPool) {
        return terms.profile()
                .map(wanted -> {
                    SortedMap<Digest, HostProfile> one = new TreeMap<>();
                    Optional.ofNullable(fleet.state().profiles().get(wanted)).ifPresent(p -> one.put(wanted, p));
                    return one;
                })
                .orElse(ofPool);
    }

    private String pinnedMessage() {
        return "generation " + pin.generation() + " is pinned: " + pin.label() + ", "
                + pin.features().size() + " features";
    }

    private void sooner(Instant instant) {
        next = instant.isBefore(next) ? instant : next;
    }

    static String names(List<Member> members) {
        String first =
                members.stream().limit(MOST_NAMES).map(m -> m.node().name()).collect(Collectors.joining(", "));
        return members.size() > MOST_NAMES ? first + " and " + (members.size() - MOST_NAMES) + " more" : first;
    }
}
