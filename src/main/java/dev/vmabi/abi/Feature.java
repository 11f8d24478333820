package dev.vmabi.abi;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

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
        for (List<Condition> all : alternatives) {
            boolean holds = true;
            for (Condition c : all) {
                holds &= c.holds(abi.valueOf(c.field().register().encoding()));
            }
            if (holds) {
                return true;
            }
        }
        return false;
    }

    /** The registers that decide it. */
    Set<RegisterId> registers() {
        return alternatives.stream()
                .flatMap(List::stream)
                .map(condition -> condition.field().register())
                .collect(Collectors.toSet());
    }
}
