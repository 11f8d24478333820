package dev.vmabi.fleet;

import dev.vmabi.abi.Addition;
import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.Exclusions;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Minimum;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.api.VirtualMachineABISpec;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * What was computed once for given digests or specs. Values that never change never change their answers, so nothing is
 * ever invalidated; the least recently used answers go when there are too many.
 */
public final class Verdicts {
    private static final int MOST_VERDICTS = 65_536;
    private static final int MOST_MINIMUMS = 256;
    private static final int MOST_ADDITIONS = 4096;
    private static final int MOST_TOLD = 4096;
    private static final int MOST_REPORTS = 1024;

    private record VerdictKey(Digest profile, Digest guestAbi, Vmm vmm, Clamp clamp) {}

    private record MinimumKey(Set<Digest> profiles, Vmm vmm, Exclusions exclusions) {}

    private record FreshKey(Digest digest, Set<Digest> others, List<Proof> proofs) {}

    private record GainKey(Digest before, Digest after) {}

    /**
     * What a refusal comes down to for people. Working that out takes a hundred times as long as the verdict, and
     * thousands of nodes share it.
     *
     * @param first the first reason
     * @param reason the first two, in one line
     * @param ofVmm the first one that is the VMM's own
     */
    record Told(String first, String reason, Optional<String> ofVmm, SortedSet<String> lostFeatures) {}

    private final Map<Verdict.Refused, Told> told = leastRecentlyUsed(MOST_TOLD);
    private final Map<FreshKey, Standing.Fresh> reports = leastRecentlyUsed(MOST_REPORTS);
    private final Map<VirtualMachineABISpec, PolicyTerms> terms = leastRecentlyUsed(MOST_MINIMUMS);
    private final Map<GainKey, List<String>> gains = leastRecentlyUsed(MOST_MINIMUMS);
    private final Map<VerdictKey, GuestAbi> landings = leastRecentlyUsed(MOST_VERDICTS);
    private final Map<VerdictKey, List<Addition>> additions = leastRecentlyUsed(MOST_ADDITIONS);
    private final Map<VerdictKey, Verdict> verdicts = leastRecentlyUsed(MOST_VERDICTS);
    private final Map<MinimumKey, Minimum> minimums = leastRecentlyUsed(MOST_MINIMUMS);

    /** {@link HostProfile#accepts}. */
    public Verdict accepts(Digest profile, HostProfile host, GuestAbi abi, Vmm vmm, Clamp clamp) {
        return once(verdicts, new VerdictKey(profile, abi.digest(), vmm, clamp), () -> host.accepts(abi, vmm, clamp));
    }

    /**
     * {@link HostProfile#land}.
     *
     * @throws IllegalArgumentException if the host refuses
     */
    public GuestAbi landing(Digest profile, HostProfile host, GuestAbi abi, Vmm vmm, Clamp clamp) {
        return once(landings, new VerdictKey(profile, abi.digest(), vmm, clamp), () -> host.land(abi, vmm, clamp));
    }

    /**
     * What a guest born on the host under the clamp has and a guest of the ABI has not.
     *
     * @throws IllegalArgumentException if the host cannot honour the clamp
     */
    List<Addition> additions(Digest profile, HostProfile host, GuestAbi abi, Clamp clamp) {
        return once(
                additions,
                new VerdictKey(profile, abi.digest(), Vmm.GENERIC, clamp),
                () -> Addition.between(abi, host.birth(clamp)));
    }

    /** The refusal, told; a verdict is the same object for as long as it is known here. */
    Told told(Verdict.Refused refused) {
        return once(
                told,
                refused,
                () -> new Told(
                        Reasons.first(refused, 1),
                        Reasons.first(refused, 2),
                        Reasons.firstOfVmm(refused),
                        Collections.unmodifiableSortedSet(Reasons.lostFeatures(refused))));
    }

    /** What nodes of these profiles and proofs say; thousands of them share it. */
    Standing.Fresh fresh(Digest digest, Set<Digest> others, List<Proof> proofs, Supplier<Standing.Fresh> fresh) {
        return once(reports, new FreshKey(digest, Set.copyOf(others), proofs), fresh);
    }

    /** {@link PolicyTerms#of}. */
    PolicyTerms terms(VirtualMachineABISpec spec) {
        return once(terms, spec, () -> PolicyTerms.of(spec));
    }

    /** {@link Difference#gains}. */
    List<String> gains(GuestAbi before, GuestAbi after) {
        return once(gains, new GainKey(before.digest(), after.digest()), () -> Difference.gains(before, after));
    }

    /** {@link Minimum#of} over distinct profiles. */
    public Minimum minimum(SortedMap<Digest, HostProfile> profiles, Vmm vmm, Exclusions exclusions) {
        return once(
                minimums,
                new MinimumKey(new TreeSet<>(profiles.keySet()), vmm, exclusions),
                () -> Minimum.of(profiles.values(), vmm, exclusions));
    }

    private static <K, V> V once(Map<K, V> answers, K key, Supplier<V> compute) {
        synchronized (answers) {
            V known = answers.get(key);
            if (known != null) {
                return known;
            }
        }
        V answer = compute.get();
        synchronized (answers) {
            answers.put(key, answer);
        }
        return answer;
    }

    private static <K, V> Map<K, V> leastRecentlyUsed(int most) {
        return new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
                return size() > most;
            }
        };
    }
}
