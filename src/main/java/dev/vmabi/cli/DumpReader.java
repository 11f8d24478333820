package dev.vmabi.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.Taken;
import dev.vmabi.abi.TakenRegister;
import dev.vmabi.abi.TakenRegister.Answer;
import dev.vmabi.abi.VcpuFeature;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads a recorded dump: everything one host showed through /dev/kvm, state registers included. */
final class DumpReader {

    private static final Pattern PLACE = Pattern.compile("op1=([0-7]) crm=([0-7]) op2=([0-7])");

    static Host read(JsonNode root, String fallbackName) {
        Map<RegisterId, Long> registers = new TreeMap<>();
        Keys.object(root, "registers").properties().forEach(entry -> {
            RegisterId id = Keys.id("registers", entry.getKey());
            if (registers.put(id, Keys.value("registers." + entry.getKey(), entry.getValue())) != null) {
                throw new IllegalArgumentException("registers: " + id + " is there twice");
            }
        });
        if (registers.isEmpty()) {
            throw new IllegalArgumentException("registers: must not be empty");
        }
        Set<RegisterId> others = new TreeSet<>();
        for (JsonNode id : Keys.list(root, "otherRegisterIds")) {
            RegisterId register = Keys.id("otherRegisterIds", Keys.text("otherRegisterIds", id));
            if (!others.add(register) || registers.containsKey(register)) {
                throw new IllegalArgumentException("otherRegisterIds: " + register + " is there twice");
            }
        }
        GuestAbi abi = GuestAbi.of(registers, others, features(root), lengths(root), OptionalInt.empty());
        String release = Keys.textOr(root, "kernelRelease", "");
        Map<RegisterId, Long> masks = masks(root);
        Taken measured = taken(root);
        Taken taken = measured.measured() ? measured : Taken.computed(abi, masks, HostReader.kernel(release));
        HostProfile profile =
                new HostProfile(abi, taken, capabilities(root), Keys.integer(root, "ipaLimitBits"), masks);
        return new Host(Keys.textOr(root, "host", fallbackName), release, "dump", profile);
    }

    private static Set<VcpuFeature> features(JsonNode root) {
        JsonNode word = Keys.object(root, "vcpu").get("features0");
        if (word == null) {
            throw new IllegalArgumentException("vcpu.features0: is missing");
        }
        try {
            return VcpuFeature.fromBits(RegisterId.parseValue(Keys.text("features0", word)));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("vcpu.features0: " + e.getMessage(), e);
        }
    }

    private static SveVectorLengths lengths(JsonNode root) {
        return root.has("sveVectorLengths0")
                ? SveVectorLengths.ofWords(Keys.value("sveVectorLengths0", root.get("sveVectorLengths0")))
                : SveVectorLengths.NONE;
    }

    private static Map<Integer, Long> capabilities(JsonNode root) {
        Map<Integer, Long> capabilities = new TreeMap<>();
        Keys.object(root, "capabilities").properties().forEach(entry -> {
            if (!entry.getKey().matches("\\d{1,6}") || !entry.getValue().canConvertToLong()) {
                throw new IllegalArgumentException(
                        "capabilities." + entry.getKey() + ": must be a capability number with a number");
            }
            capabilities.put(Integer.parseInt(entry.getKey()), entry.getValue().longValue());
        });
        return capabilities;
    }

    private static Map<RegisterId, Long> masks(JsonNode root) {
        Map<RegisterId, Long> masks = new TreeMap<>();
        Keys.object(root, "writableMasks")
                .properties()
                .forEach(entry -> masks.put(
                        maskedRegister(entry.getKey()),
                        Keys.value("writableMasks." + entry.getKey(), entry.getValue())));
        return masks;
    }

    /** Masks are keyed by place in the feature ID space, {@code op1=0 crm=4 op2=0}. */
    private static RegisterId maskedRegister(String key) {
        Matcher place = PLACE.matcher(key);
        return place.matches()
                ? RegisterId.sysreg(
                        3,
                        Integer.parseInt(place.group(1)),
                        0,
                        Integer.parseInt(place.group(2)),
                        Integer.parseInt(place.group(3)))
                : Keys.id("writableMasks", key);
    }

    private static Taken taken(JsonNode root) {
        Map<RegisterId, TakenRegister> registers = new TreeMap<>();
        Keys.object(root, "taken")
                .properties()
                .forEach(entry -> registers.put(
                        Keys.id("taken", entry.getKey()), register("taken." + entry.getKey(), entry.getValue())));
        return registers.isEmpty() ? Taken.UNMEASURED : Taken.measured(registers);
    }

    private static TakenRegister register(String where, JsonNode node) {
        try {
            if (node.has("bits")) {
                TreeMap<Integer, Answer> bits = new TreeMap<>();
                Keys.object(node, "bits")
                        .properties()
                        .forEach(bit -> bits.put(Integer.valueOf(bit.getKey()), answer(bit.getValue())));
                return new TakenRegister.Bits(bits);
            }
            if (node.has("values")) {
                TreeMap<Long, Answer> values = new TreeMap<>();
                Keys.object(node, "values")
                        .properties()
                        .forEach(value -> values.put(RegisterId.parseValue(value.getKey()), answer(value.getValue())));
                return new TakenRegister.Values(values);
            }
            TreeMap<Integer, String> nibbles = new TreeMap<>();
            Keys.object(node, "nibbles")
                    .properties()
                    .forEach(nibble ->
                            nibbles.put(Integer.valueOf(nibble.getKey()), Keys.text("nibbles", nibble.getValue())));
            return new TakenRegister.Nibbles(
                    Keys.textOr(node, "rewriteOfDefault", "taken").equals("taken"), nibbles);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(where + ": shifts and bit numbers must be decimal", e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where + ": " + e.getMessage(), e);
        }
    }

    private static Answer answer(JsonNode node) {
        String letter = Keys.text("answer", node);
        if (letter.length() != 1) {
            throw new IllegalArgumentException("answer \"" + letter + "\" is not one of A, S, E");
        }
        return Answer.of(letter.charAt(0));
    }

    private DumpReader() {}
}
