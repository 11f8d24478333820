package dev.vmabi.abi;

import java.util.SortedSet;

/**
 * What a guest has after a move and had not before.
 *
 * @param register name of the register
 * @param field name of the field, empty for a whole register
 * @param before value before, empty where the guest had no such register
 * @param after value after the move
 * @param gainedFeatures {@code FEAT_*} and hypercalls that come with it
 */
public record Addition(String register, String field, String before, String after, SortedSet<String> gainedFeatures) {}
