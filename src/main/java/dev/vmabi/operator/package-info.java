/** Effects: reads the cluster into a {@link dev.vmabi.fleet.Fleet} and writes back what was decided. */
package dev.vmabi.operator;
