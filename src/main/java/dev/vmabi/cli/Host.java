package dev.vmabi.cli;

import dev.vmabi.abi.HostProfile;

/**
 * A host read from a file.
 *
 * @param name what the file calls it, or the file's name
 * @param kernelRelease empty where the file does not say
 * @param format {@code profile}, {@code dump} or {@code fingerprint}
 * @param profile what the host can do
 */
public record Host(String name, String kernelRelease, String format, HostProfile profile) {}
