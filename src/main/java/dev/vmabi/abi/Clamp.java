package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.List;

/**
 * What a VMM imposed on a guest at birth, below what its host offered.
 *
 * @param psciVersion {@code major << 16 | minor}, 0 for the host's
 * @param sveOff no SVE
 * @param pauthOff no pointer authentication
 * @param pmuOff no PMU
 * @param sveMaxVq greatest vector length in quadwords, 0 for the host's
 * @param stealTimeOff no steal time; shown by no register, so it changes no guest ABI
 */
public record Clamp(
        int psciVersion, boolean sveOff, boolean pauthOff, boolean pmuOff, int sveMaxVq, boolean stealTimeOff) {

    public static final Clamp NONE = new Clamp(0, false, false, false, 0, false);

    private static final String USAGE =
            "use psci=<major>.<minor>, sve=off, pauth=off, pmu=off, sve-max-vq=<1..16>, steal-time=off, comma-separated";

    /**
     * Reads {@code psci=1.1,sve=off,pauth=off,pmu=off,sve-max-vq=4,steal-time=off}, each part optional, in any order;
     * the empty text and {@code none} are {@link #NONE}.
     *
     * @throws IllegalArgumentException if a part is unknown, malformed or given twice
     */
    public static Clamp parse(String text) {
        Clamp clamp = NONE;
        if (text.isBlank() || text.strip().equals("none")) {
            return clamp;
        }
        for (String part : text.split(",", -1)) {
            Clamp next = clamp.with(part.strip());
            if (next.equals(clamp)) {
                throw new IllegalArgumentException("clamp part \"" + Hex.abbreviate(part) + "\" is given twice");
            }
            clamp = next;
        }
        return clamp;
    }

    private Clamp with(String part) {
        if (part.startsWith("psci=")) {
            Version version = Version.parse(part.substring("psci=".length()));
            return withPsci(version.major() << 16 | version.minor());
        }
        if (part.startsWith("sve-max-vq=")) {
            String digits = part.substring("sve-max-vq=".length());
            if (!digits.matches("[1-9]|1[0-6]")) {
                throw new IllegalArgumentException(
                        "clamp part \"" + Hex.abbreviate(part) + "\" needs a number from 1 to 16");
            }
            return withSveMaxVq(Integer.parseInt(digits));
        }
        return switch (part) {
            case "sve=off" -> withoutSve();
            case "pauth=off" -> withoutPauth();
            case "pmu=off" -> withoutPmu();
            case "steal-time=off" -> new Clamp(psciVersion, sveOff, pauthOff, pmuOff, sveMaxVq, true);
            default ->
                throw new IllegalArgumentException(
                        "clamp part \"" + Hex.abbreviate(part) + "\" is not known: " + USAGE);
        };
    }

    public Clamp withPsci(int version) {
        return new Clamp(version, sveOff, pauthOff, pmuOff, sveMaxVq, stealTimeOff);
    }

    public Clamp withoutSve() {
        return new Clamp(psciVersion, true, pauthOff, pmuOff, sveMaxVq, stealTimeOff);
    }

    public Clamp withoutPauth() {
        return new Clamp(psciVersion, sveOff, true, pmuOff, sveMaxVq, stealTimeOff);
    }

    public Clamp withoutPmu() {
        return new Clamp(psciVersion, sveOff, pauthOff, true, sveMaxVq, stealTimeOff);
    }

    public Clamp withSveMaxVq(int maxVq) {
        return new Clamp(psciVersion, sveOff, pauthOff, pmuOff, maxVq, stealTimeOff);
    }

    public boolean isNone() {
        return equals(NONE);
    }

    /** Whether this clamp takes anything away from a guest of this ABI. */
    boolean changes(GuestAbi abi) {
        return (psciVersion != 0 && abi.value(RegisterId.PSCI_VERSION) != psciVersion)
                || (sveOff && abi.vcpuFeatures().contains(VcpuFeature.SVE))
                || (pauthOff && abi.vcpuFeatures().contains(VcpuFeature.PTRAUTH_ADDRESS))
                || (pmuOff && abi.vcpuFeatures().contains(VcpuFeature.PMU_V3))
                || (sveMaxVq != 0
                        && !sveOff
                        && abi.vcpuFeatures().contains(VcpuFeature.SVE)
                        && abi.sveVectorLengths().maxVq() != sveMaxVq);
    }

    /** This clamp, with the vCPU features off that {@code host} shows and {@code guest} was started without. */
    Clamp matching(GuestAbi guest, GuestAbi host) {
        Clamp clamp = this;
        if (host.vcpuFeatures().contains(VcpuFeature.SVE)
                && !guest.vcpuFeatures().contains(VcpuFeature.SVE)) {
            clamp = clamp.withoutSve();
        }
        if (host.vcpuFeatures().contains(VcpuFeature.PTRAUTH_ADDRESS)
                && !guest.vcpuFeatures().contains(VcpuFeature.PTRAUTH_ADDRESS)) {
            clamp = clamp.withoutPauth();
        }
        if (host.vcpuFeatures().contains(VcpuFeature.PMU_V3)
                && !guest.vcpuFeatures().contains(VcpuFeature.PMU_V3)) {
            clamp = clamp.withoutPmu();
        }
        return clamp;
    }

    /** The syntax of {@link #parse}; empty for {@link #NONE}. */
    @Override
    public String toString() {
        List<String> parts = new ArrayList<>();
        if (psciVersion != 0) {
            parts.add("psci=" + (psciVersion >>> 16) + "." + (psciVersion & 0xFFFF));
        }
        if (sveOff) {
            parts.add("sve=off");
        }
        if (pauthOff) {
            parts.add("pauth=off");
        }
        if (pmuOff) {
            parts.add("pmu=off");
        }
        if (sveMaxVq != 0) {
            parts.add("sve-max-vq=" + sveMaxVq);
        }
        if (stealTimeOff) {
            parts.add("steal-time=off");
        }
        return String.join(",", parts);
    }
}
