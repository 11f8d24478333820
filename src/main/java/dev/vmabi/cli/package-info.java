/** {@code vmabi} on the command line: works offline on profiles, recorded dumps and fingerprints. */
package dev.vmabi.cli;
