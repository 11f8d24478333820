package dev.vmabi.abi;

import java.util.List;

/**
 * A named thing a guest can see: a {@code FEAT_*} of the Arm ARM, or a hypercall service.
 *
 * @param name Arm's name, or {@code std.TRNG} and the like for hypercalls
 * @param conditions it is there if every one of these holds
 */
public record Feature(String name, List<Condition> conditions) {

    /** A field at or above a value, in the field's order; for a bitmap bit the value is 1. */
    public record Condition(Field field, long atLeast) {}

    public Feature {
        conditions = List.copyOf(conditions);
    }
}
