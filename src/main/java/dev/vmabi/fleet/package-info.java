/**
 * The fleet in memory and every decision about it. Pure and deterministic: a {@link dev.vmabi.fleet.FleetState} in,
 * decisions out; the cluster is never touched and the clock is an input.
 */
package dev.vmabi.fleet;
