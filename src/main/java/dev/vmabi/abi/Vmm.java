package dev.vmabi.abi;

import java.util.List;
import java.util.Locale;

/**
 * A virtual machine monitor whose own checks a restore must pass; the rules are data ({@code vmm-rules.properties}).
 *
 * @param name {@code qemu}, {@code firecracker}, {@code cloud-hypervisor} or {@code generic}
 * @param version {@link Version#UNSTATED} picks the oldest, strictest rules of that name
 */
public record Vmm(String name, Version version) {

    public static final List<String> NAMES = List.of("qemu", "firecracker", "cloud-hypervisor", "generic");

    public static final Vmm GENERIC = new Vmm("generic", Version.UNSTATED);

    public Vmm {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException("VMM \"" + Hex.abbreviate(name) + "\" is not known: use one of "
                    + String.join(", ", NAMES) + ", with a version as in qemu:10.0");
        }
    }

    /**
     * Reads {@code qemu:10.0}, {@code firecracker}, {@code generic} and the like.
     *
     * @throws IllegalArgumentException if the name is unknown or the version malformed
     */
    public static Vmm parse(String text) {
        int colon = text.indexOf(':');
        String name = (colon < 0 ? text : text.substring(0, colon)).toLowerCase(Locale.ROOT);
        return new Vmm(name, colon < 0 ? Version.UNSTATED : Version.parse(text.substring(colon + 1)));
    }

    @Override
    public String toString() {
        return version.equals(Version.UNSTATED) ? name : name + ":" + version;
    }
}
