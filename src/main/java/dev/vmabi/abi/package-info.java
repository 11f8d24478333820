/**
 * The guest ABI algebra: what a guest sees on a host, whether a host accepts a guest ABI, the most that a set of hosts
 * can honour, and who holds it down. Pure: no I/O but the resource files of this package, no framework, no clock.
 */
package dev.vmabi.abi;
