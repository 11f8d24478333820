package dev.vmabi.abi;

import java.util.List;

/**
 * A named thing a guest can see: a {@code FEAT_*} of the Arm ARM, or a hypercall service.
 *
 * @param name Arm's name, or {@code std.TRNG} and the like for hypercalls
 * @param alternatives it is there if all conditions of any one of these hold
 */
public record Feature(String name, List<List<Condition>> alternatives) {

    /** A field at or above an encoding, in the field's order; for a bit of a bitmap that is 1. */
    public record Condition(Field field, long atLeast) {
        boolean holds(long registerValue) {
            return field.comparable(registerValue) >= atLeast;
        }
    }

    public Feature {
        alternatives = alternatives.stream().map(List::copyOf).toList();
    }

    /** Whether a guest of this ABI sees it. */
    public boolean shownBy(GuestAbi abi) {
        return alternatives.stream()
                .anyMatch(all -> all.stream()
                        .allMatch(c -> c.holds(abi.valueOf(c.field().register().encoding()))));
    }

    boolean dependsOn(long register) {
        return alternatives.stream()
                .flatMap(List::stream)
                .anyMatch(c -> c.field().register().encoding() == register);
    }
}
