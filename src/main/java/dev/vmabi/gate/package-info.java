/**
 * The gate: admission webhooks that steer VMs to nodes where their guest ABI lives on, and deny a migration that has
 * nowhere to go. {@link dev.vmabi.gate.Gate} decides, from memory; the rest carries its answers.
 */
package dev.vmabi.gate;
