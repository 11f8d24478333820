/**
 * The node agent: probes its host, publishes what it found, proves each guest ABI the cluster knows. Plain Java on the
 * JDK's own HTTP client and Jackson: five thousand nodes pay for every megabyte.
 */
package dev.vmabi.agent;
