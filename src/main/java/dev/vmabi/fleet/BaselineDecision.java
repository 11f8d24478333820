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
import dev.vmabi.fleet.FleetState.Vm;
import dev.vmabi.fleet.Pool.Member;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
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
    private final VmCensus census;
    private final Instant now;

    private final Map<Digest, GuestAbi> guestAbis = new HashMap<>();
    private final List<FleetEvent> events = new ArrayList<>();
    private final List<Change> history;
    private Pin pin;
    private Candidate candidate;
    private List<Member> awaited = List.of();
    private Previous previous;
    private Minimum minimum;
    private VirtualMachineABIStatus.Lowering lowering;
    private String loweredTo;
    private Finding lowered;
    private ConditionReason reason = ConditionReason.Pinned;
    private String message = "";
    private Instant next = Instant.MAX;

    /** What a condition is to say. */
    record Finding(boolean holds, ConditionReason reason, String message) {}

    private BaselineDecision(Fleet fleet, Policy policy, PolicyTerms terms, Pool pool, VmCensus census, Instant now) {
        this.fleet = fleet;
        this.policy = policy;
        this.terms = terms;
        this.pool = pool;
        this.census = census;
        this.now = now;
        VirtualMachineABIStatus status = policy.status();
        this.history = new ArrayList<>(status == null ? List.of() : status.history());
        this.pin = status == null ? null : status.baseline();
        this.previous = status == null ? null : status.previous();
        this.loweredTo = status == null ? null : status.loweredTo();
    }

    static BaselineDecision decide(
            Fleet fleet, Policy policy, PolicyTerms terms, Pool pool, VmCensus census, Instant now) {
        BaselineDecision decision = new BaselineDecision(fleet, policy, terms, pool, census, now);
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

    /** What an explicit lowering would cost and bring; empty where it would let nobody in. */
    Optional<VirtualMachineABIStatus.Lowering> lowering() {
        return Optional.ofNullable(lowering);
    }

    /** The {@code spec.baseline.lowerTo} that has been acted on. */
    Optional<String> loweredTo() {
        return Optional.ofNullable(loweredTo);
    }

    /** What became of the lowering that is asked for; empty where none is. */
    Optional<Finding> lowered() {
        return Optional.ofNullable(lowered);
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
    ConditionReason reason() {
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
            reason = pin == null ? ConditionReason.PolicyInvalid : ConditionReason.Pinned;
            message = pin == null ? "nothing is pinned until the policy is mended" : pinnedMessage();
            return;
        }
        if (pin == null) {
            pinFirst();
        } else {
            Pin before = pin;
            goBackIfApproved();
            finaliseIfDue();
            if (Objects.equals(pin, before)) {
                lower();
            }
            // A pool that was sorted by one pin is not asked about another.
            if (Objects.equals(pin, before)) {
                offerAndRaise();
            }
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
                    ConditionReason.WaitingForNodes,
                    silent.size() + " of " + pool.members().size()
                            + " nodes have not reported: " + names(silent) + "; the first pin waits for them until "
                            + Conditions.time(graceEnds));
            next = graceEnds;
            return;
        }
        if (terms.profile().isPresent()) {
            pinProfile(terms.profile().get(), silent);
            return;
        }
        SortedMap<Digest, HostProfile> profiles = pool.reportedProfiles();
        if (profiles.isEmpty()) {
            wait(
                    ConditionReason.NoNodes,
                    pool.members().isEmpty()
                            ? "spec.nodeSelector matches no arm64 node"
                            : "no node of the pool has a report that holds and what spec.baseline.require asks for");
            return;
        }
        switch (fleet.verdicts().minimum(profiles, terms.vmm(), terms.exclusions())) {
            case Minimum.None none -> {
                minimum = none;
                wait(
                        ConditionReason.NoCommonABI,
                        "no guest ABI is common to these " + none.classes().size()
                                + " classes of hosts under " + terms.vmm()
                                + "; give each class a policy of its own (status.classes says who accepts whom)");
            }
            case Minimum.Common common -> {
                minimum = common;
                offer(common, reporting(pool.unfenced()));
                if (provedByAll()) {
                    pin(
                            common,
                            1,
                            "Pinned",
                            Reason.BaselinePinned,
                            "the least that " + candidate.needed() + " nodes can honour, proved by each"
                                    + missing(silent));
                }
            }
        }
    }

    /** A profile is pinned as it is: nodes whose kernel has refused it are fenced, the others must have proved it. */
    private void pinProfile(Digest wanted, List<Member> silent) {
        HostProfile profile = fleet.state().profiles().get(wanted);
        if (profile == null) {
            wait(
                    ConditionReason.ProfileMissing,
                    "ABIProfile " + wanted.hex()
                            + " of spec.baseline.profile does not exist or does not hold (kubectl get abiprofiles)");
            return;
        }
        if (fleet.verdicts().minimum(only(wanted, profile), terms.vmm(), terms.exclusions())
                instanceof Minimum.Common common) {
            minimum = common;
            Digest digest = common.abi().digest();
            List<Member> provers = reporting(pool.unfenced()).stream()
                    .filter(m -> proved(m, digest) || !tried(m, digest))
                    .toList();
            offer(common, provers);
            if (provedByAll()) {
                pin(
                        common,
                        1,
                        "Pinned",
                        Reason.BaselinePinned,
                        "what profile " + wanted.label() + " shows, proved by " + provers.size() + " nodes"
                                + missing(silent));
            } else if (provers.isEmpty()) {
                wait(ConditionReason.ProofFailed, "no node of the pool can honour profile " + wanted.label());
            }
        }
    }

    private boolean honoursPin(Digest digest, HostProfile profile) {
        return fleet.guestAbi(Digest.parse(pin.digest()))
                .map(abi -> fleet.verdict(digest, profile, abi, terms.vmm()).accepted())
                .orElse(false);
    }

    private SortedMap<Digest, HostProfile> named(Digest wanted) {
        HostProfile profile = fleet.state().profiles().get(wanted);
        return profile == null ? Collections.emptySortedMap() : only(wanted, profile);
    }

    private static SortedMap<Digest, HostProfile> only(Digest digest, HostProfile profile) {
        return new TreeMap<>(Map.of(digest, profile));
    }

    private void wait(ConditionReason why, String text) {
        reason = why;
        message = text;
    }

    private void lower() {
        Optional<Lowering> offer = Lowering.offered(
                fleet, terms, pool, pool.honouringProfiles(fleet.state().profiles(), this::honoursPin), census);
        offer.ifPresent(o -> {
            lowering = o.shown(fleet, fleet.guestAbi(Digest.parse(pin.digest())));
            guestAbis.put(o.to().abi().digest(), o.to().abi());
        });
        if (terms.lowerTo().isEmpty()) {
            loweredTo = null;
            return;
        }
        Digest wanted = terms.lowerTo().get();
        if (wanted.hex().equals(loweredTo) || wanted.hex().equals(pin.digest())) {
            loweredTo = wanted.hex();
            lowered = wanted.hex().equals(pin.digest())
                    ? new Finding(true, ConditionReason.Lowered, "the baseline is " + wanted.label())
                    : new Finding(
                            false,
                            ConditionReason.AlreadyLowered,
                            "the baseline was lowered to " + wanted.label()
                                    + " and has changed since; to lower it again, take spec.baseline.lowerTo out and put it back");
        } else if (offer.isEmpty() || !offer.get().to().abi().digest().equals(wanted)) {
            lowered = new Finding(
                    false,
                    ConditionReason.NotOffered,
                    offer.map(o -> "what would let the fenced nodes in is "
                                    + o.to().abi().digest().hex() + ", not " + wanted.label())
                            .orElse(
                                    "no node is fenced for what it lacks of the baseline, so there is nothing to lower it to"));
        } else if (!offer.get().awaited().isEmpty()) {
            List<Member> refusing =
                    offer.get().awaited().stream().filter(m -> tried(m, wanted)).toList();
            lowered = refusing.isEmpty()
                    ? new Finding(
                            false,
                            ConditionReason.WaitingForProof,
                            lowering.proved() + " of " + lowering.needed() + " nodes have proved " + wanted.label()
                                    + "; waiting for " + names(offer.get().awaited()))
                    : new Finding(
                            false,
                            ConditionReason.ProofFailed,
                            "the kernel refused " + wanted.label() + " on " + names(refusing));
        } else if (mayLower(offer.get().to().abi())) {
            int admits = offer.get().admits();
            loweredTo = wanted.hex();
            pin(
                    offer.get().to(),
                    pin.generation() + 1,
                    "Lowered",
                    Reason.BaselineLowered,
                    "spec.baseline.lowerTo; lets in " + admits + " fenced nodes");
            previous = null;
            lowering = null;
            lowered = new Finding(true, ConditionReason.Lowered, "the baseline is " + wanted.label());
        }
    }

    /** Whether a baseline that gives guests less may be pinned; if not, says who forbids it. */
    private boolean mayLower(GuestAbi lesser) {
        List<Vm> forbidding = Lowering.forbidding(fleet, lesser, census);
        if (!forbidding.isEmpty()) {
            lowered = new Finding(false, ConditionReason.WouldStrand, Lowering.refusal(lesser.digest(), forbidding));
        }
        return forbidding.isEmpty();
    }

    private void offerAndRaise() {
        SortedMap<Digest, HostProfile> profiles = terms.profile().isPresent()
                ? named(terms.profile().get())
                : pool.honouringProfiles(fleet.state().profiles(), this::honoursPin);
        if (profiles.isEmpty()) {
            return;
        }
        minimum = fleet.verdicts().minimum(profiles, terms.vmm(), terms.exclusions());
        if (!(minimum instanceof Minimum.Common common)) {
            return;
        }
        if (common.abi().digest().hex().equals(pin.digest())) {
            return;
        }
        offer(common, pool.unfenced());
        if (!provedByAll() || candidate.needed() == 0) {
            return;
        }
        boolean approved = terms.approve().filter(common.abi().digest()::equals).isPresent();
        Instant soakEnds = Instant.parse(candidate.soakEndsAt());
        // What takes something from guests is a lowering, and that nobody does but a person.
        boolean lesser = !candidate.losses().isEmpty();
        boolean automatic = policy.spec().raise().strategy() == RaiseStrategy.Automatic && !lesser;
        boolean soaked = automatic && !now.isBefore(soakEnds);
        if (automatic && !soaked) {
            sooner(soakEnds);
        }
        if (soaked || (approved && (!lesser || mayLower(common.abi())))) {
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
        if (abi.isEmpty() || !mayLower(abi.get())) {
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

    private void offer(Minimum.Common common, List<Member> provers) {
        Digest digest = common.abi().digest();
        guestAbis.put(digest, common.abi());
        Optional<GuestAbi> now = pin == null ? Optional.empty() : fleet.guestAbi(Digest.parse(pin.digest()));
        List<String> gains = now.map(abi -> fleet.verdicts().gains(abi, common.abi()))
                .orElseGet(() -> List.copyOf(common.abi().features()));
        List<String> losses =
                now.map(abi -> fleet.verdicts().gains(common.abi(), abi)).orElse(List.of());
        awaited = provers.stream().filter(m -> !proved(m, digest)).toList();
        boolean all = awaited.isEmpty() && !provers.isEmpty();
        String provedAt = all ? provedAtBefore(digest).orElse(Conditions.time(this.now)) : null;
        candidate = new Candidate(
                digest.hex(),
                common.clamp().toString(),
                gains.stream().limit(100).toList(),
                losses.stream().limit(100).toList(),
                provers.size() - awaited.size(),
                provers.size(),
                provedAt,
                provedAt == null
                        ? null
                        : Conditions.time(Instant.parse(provedAt).plus(terms.soak())));
        if (pin == null) {
            sayWhoseProofIsAwaited(digest);
        }
    }

    private void sayWhoseProofIsAwaited(Digest digest) {
        List<Member> refusing = awaited.stream().filter(m -> tried(m, digest)).toList();
        wait(
                refusing.isEmpty() ? ConditionReason.WaitingForProof : ConditionReason.ProofFailed,
                refusing.isEmpty()
                        ? candidate.proved() + " of " + candidate.needed() + " nodes have proved " + digest.label()
                                + awaited()
                        : "the kernel refused " + digest.label() + " on " + names(refusing) + ": "
                                + fleet.obstacle(refusing.getFirst().node().name(), digest, terms.vmm())
                                        .orElse(""));
    }

    /** Whose proof of the candidate is awaited, to be appended to a message. */
    String awaited() {
        return awaited.isEmpty() ? "" : "; waiting for " + names(awaited);
    }

    private static List<Member> reporting(List<Member> members) {
        return members.stream()
                .filter(m -> m.standing() instanceof Standing.Fresh)
                .toList();
    }

    private static boolean tried(Member member, Digest guestAbi) {
        return member.standing() instanceof Standing.Fresh fresh
                && fresh.proof(guestAbi).isPresent();
    }

    private String missing(List<Member> silent) {
        return silent.isEmpty()
                ? ""
                : "; " + silent.size() + " of " + pool.members().size() + " nodes had not reported: " + names(silent);
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
        reason = ConditionReason.Pinned;
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
