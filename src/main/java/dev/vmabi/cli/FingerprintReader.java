package dev.vmabi.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.RegisterKind;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.Taken;
import dev.vmabi.abi.VcpuFeature;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;

/**
 * Reads what Firecracker's {@code cpu-template-helper fingerprint dump} wrote: the registers of a vCPU, each as an
 * address and a bitmap of binary digits. It holds no writable masks and no capabilities, and nobody tried what the
 * kernel takes.
 */
final class FingerprintReader {

    private static final RegisterId ID_AA64DFR0_EL1 = RegisterId.sysreg(3, 0, 0, 5, 0);
    private static final RegisterId APIAKEYLO_EL1 = RegisterId.sysreg(3, 0, 2, 1, 0);

    static Host read(String name, JsonNode root) {
        JsonNode config = Keys.object(root, "guest_cpu_config");
        Map<RegisterId, Long> registers = new TreeMap<>();
        Set<RegisterId> wide = new HashSet<>();
        long[] lengths = new long[8];
        int index = 0;
        for (JsonNode modifier : Keys.list(config, "reg_modifiers")) {
            String where = "guest_cpu_config.reg_modifiers[" + index++ + "]";
            RegisterId id = Keys.id(where + ".addr", Keys.text(where + ".addr", modifier.get("addr")));
            String bits = bits(where + ".bitmap", Keys.text(where + ".bitmap", modifier.get("bitmap")), id);
            if (registers.containsKey(id) || wide.contains(id)) {
                throw new IllegalArgumentException(where + ".addr: " + id + " is there twice");
            }
            if (id.size() <= Long.BYTES) {
                registers.put(id, bits.isEmpty() ? 0 : Long.parseUnsignedLong(bits, 2));
            } else {
                wide.add(id);
                if (id.kind() == RegisterKind.SVE_LENGTHS) {
                    lengths = words(bits);
                }
            }
        }
        if (registers.isEmpty()) {
            throw new IllegalArgumentException("guest_cpu_config.reg_modifiers: must not be empty");
        }
        GuestAbi abi = GuestAbi.of(
                registers, wide, features(registers, wide), SveVectorLengths.ofWords(lengths), OptionalInt.empty());
        String release = Keys.textOr(root, "kernel_version", "");
        Taken taken = Taken.computed(abi, Map.of(), HostReader.kernel(release));
        return new Host(name, release, "fingerprint", new HostProfile(abi, taken, Map.of(), 0, Map.of()));
    }

    private static String bits(String where, String text, RegisterId id) {
        String digits = text.startsWith("0b") ? text.substring(2).replace("_", "") : "";
        if (!digits.matches("[01]+")) {
            throw new IllegalArgumentException(
                    where + ": must be 0b and binary digits, not \"" + Keys.shown(text) + "\"");
        }
        String significant = digits.replaceFirst("^0+", "");
        if (significant.length() > 8 * id.size()) {
            throw new IllegalArgumentException(where + ": has " + significant.length() + " significant bits, but "
                    + id.name() + " has " + 8 * id.size());
        }
        return significant;
    }

    private static long[] words(String bits) {
        long[] words = new long[8];
        for (int i = 0; i < bits.length(); i++) {
            int bit = bits.length() - 1 - i;
            if (bits.charAt(i) == '1') {
                words[bit / 64] |= 1L << (bit % 64);
            }
        }
        return words;
    }

    /** The dump does not say which vCPU features were on, but the registers that they bring do. */
    private static Set<VcpuFeature> features(Map<RegisterId, Long> registers, Set<RegisterId> wide) {
        Set<VcpuFeature> features = EnumSet.of(VcpuFeature.PSCI_0_2);
        if (wide.contains(RegisterId.SVE_VLS)) {
            features.add(VcpuFeature.SVE);
        }
        long pmuVersion = (registers.getOrDefault(ID_AA64DFR0_EL1, 0L) >>> 8) & 15;
        if (pmuVersion != 0 && pmuVersion != 15) {
            features.add(VcpuFeature.PMU_V3);
        }
        if (registers.containsKey(APIAKEYLO_EL1)) {
            features.add(VcpuFeature.PTRAUTH_ADDRESS);
            features.add(VcpuFeature.PTRAUTH_GENERIC);
        }
        return features;
    }

    private FingerprintReader() {}
}
