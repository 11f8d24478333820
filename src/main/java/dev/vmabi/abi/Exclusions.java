package dev.vmabi.abi;

import java.util.Collections;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Features and hypercalls that nobody gets.
 *
 * @param features names the catalogue knows: {@code FEAT_*}, {@code std.TRNG}, {@code stdHyp.PV_TIME}, ...
 */
public record Exclusions(Set<String> features) {

    public static final Exclusions NONE = new Exclusions(Set.of());

    public Exclusions {
        SortedSet<String> sorted = new TreeSet<>(features);
        for (String name : sorted) {
            if (Catalogue.get().feature(name).isEmpty()) {
                throw new IllegalArgumentException("feature \"" + Hex.abbreviate(name) + "\" is not known; nearest: "
                        + String.join(", ", Catalogue.get().nearest(name)));
            }
        }
        features = Collections.unmodifiableSortedSet(sorted);
    }
}
