package dev.vmabi.abi;

import java.util.SortedSet;

/**
 * A profile and field that hold a minimum down.
 *
 * @param profile the host profile that takes no more
 * @param register the register
 * @param field the field; empty for a whole register
 * @param valueHeld the value in the minimum
 * @param valueOtherwise the value the minimum would have without that profile
 * @param gainedFeatures what the others would gain if it left
 */
public record HoldsDown(
        Digest profile,
        RegisterId register,
        String field,
        String valueHeld,
        String valueOtherwise,
        SortedSet<String> gainedFeatures) {}
