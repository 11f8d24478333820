package dev.vmabi.fleet;

import dev.vmabi.abi.Refusal;
import dev.vmabi.abi.Verdict;
import dev.vmabi.api.NodeABISpec.Proof;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Refusals in one line each, for conditions, events and denials. */
public final class Reasons {
    private Reasons() {}

    private static final int MOST_NAMES = 3;

    /**
     * The first refusals of a verdict, and how many more there are. Registers that the host lacks come last and as one:
     * an older kernel may lack dozens, and they would hide a value that is refused.
     */
    public static String first(Verdict.Refused refused, int most) {
        List<Refusal> refusals = refused.refusals();
        List<Refusal> missing = refusals.stream()
                .filter(Refusal.RegisterMissing.class::isInstance)
                .toList();
        List<String> reasons = new ArrayList<>(refusals.stream()
                .filter(r -> !(r instanceof Refusal.RegisterMissing))
                .map(Refusal::message)
                .toList());
        if (missing.size() == 1) {
            reasons.add(missing.getFirst().message());
        } else if (!missing.isEmpty()) {
            reasons.add(missing.size() + " registers missing on the host: "
                    + missing.stream().limit(MOST_NAMES).map(Refusal::register).collect(Collectors.joining(", "))
                    + (missing.size() > MOST_NAMES ? ", ..." : ""));
        }
        String text = reasons.stream().limit(most).collect(Collectors.joining("; "));
        return reasons.size() > most ? text + "; and " + (reasons.size() - most) + " more" : text;
    }

    /**
     * The first refusal that is the VMM's own, not the kernel's: where the kernel has proved that it takes the values,
     * only these count.
     */
    static Optional<String> firstOfVmm(Verdict.Refused refused) {
        return refused.refusals().stream()
                .filter(r -> r instanceof Refusal.RegisterList || r instanceof Refusal.RegisterMissing)
                .map(Refusal::message)
                .findFirst();
    }

    /** What the guest would lose, over all refusals. */
    static SortedSet<String> lostFeatures(Verdict.Refused refused) {
        return refused.refusals().stream()
                .flatMap(r -> r.lostFeatures().stream())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** What the kernel answered, where nothing was computed. */
    static String ofProof(Proof proof) {
        if (proof.refused().isEmpty()) {
            return "the kernel refused it, and its agent does not say which register; see the agent's log";
        }
        return proof.refused().stream()
                .limit(2)
                .map(r -> r.register() + ": the kernel answered " + r.error() + " to " + r.wanted())
                .collect(Collectors.joining("; "));
    }
}
