package dev.vmabi.abi;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** The registers, fields, features and hypercalls this release knows; read once from {@code catalogue.tsv}. */
public final class Catalogue {

    private static final Catalogue INSTANCE = new Catalogue();

    /** Capabilities that shape what a guest sees (Linux, include/uapi/linux/kvm.h). */
    private static final Set<Integer> GUEST_CAPABILITIES =
            Set.of(93, 102, 126, 158, 165, 170, 171, 172, 198, 205, 239, 240, 241, 251);

    private Catalogue() {}

    public static Catalogue get() {
        return INSTANCE;
    }

    /** Every {@code FEAT_*} and hypercall name. */
    public SortedSet<String> knownFeatures() {
        return new TreeSet<>();
    }

    /** The known names nearest to an unknown one, best first, at most 3. */
    public List<String> nearest(String unknown) {
        return List.of();
    }

    public Optional<Feature> feature(String name) {
        return Optional.empty();
    }

    /** The fields of a register from the highest bit down; empty for a register the catalogue does not know. */
    public List<Field> fields(RegisterId id) {
        return List.of();
    }

    String name(RegisterId id) {
        return id.hex();
    }

    SortedSet<String> featuresOf(GuestAbi abi) {
        return new TreeSet<>();
    }

    boolean capabilityShapesGuests(int number) {
        return GUEST_CAPABILITIES.contains(number);
    }
}
