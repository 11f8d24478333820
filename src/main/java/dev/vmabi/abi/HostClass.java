package dev.vmabi.abi;

import java.util.SortedSet;

/**
 * Hosts with the same default guest ABI.
 *
 * @param guestAbi digest of that ABI
 * @param profiles digests of the member profiles; more than one where kernels show the same but take different values
 */
public record HostClass(Digest guestAbi, SortedSet<Digest> profiles) {}
