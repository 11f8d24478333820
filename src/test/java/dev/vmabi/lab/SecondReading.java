package dev.vmabi.lab;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What {@code reader.c} printed on a host, held against what the agent published. */
final class SecondReading {

    /** Every arm64 kernel lists more that can be read. */
    private static final int LEAST_REGISTERS = 100;

    /** What one vCPU showed. */
    private record Vcpu(SortedMap<RegisterId, Long> values, SortedSet<RegisterId> others) {}

    private final Map<Clamp, Vcpu> vcpus = new LinkedHashMap<>();
    private final SortedMap<RegisterId, Long> masks = new TreeMap<>();
    private long sveWord;
    private boolean complete;

    SecondReading(List<String> console) {
        Vcpu vcpu = new Vcpu(new TreeMap<>(), new TreeSet<>());
        vcpus.put(Clamp.NONE, vcpu);
        for (String line : console) {
            String[] words = line.split(" ", -1);
            switch (words[0]) {
                case "register" -> vcpu.values().put(RegisterId.parse(words[1]), RegisterId.parseValue(words[2]));
                case "other" -> vcpu.others().add(RegisterId.parse(words[1]));
                case "sve" -> sveWord = RegisterId.parseValue(words[1]);
                case "masks" -> {
                    int index = Integer.parseInt(words[1]);
                    int op1 = index / 64 == 2 ? 3 : index / 64;
                    masks.put(
                            RegisterId.sysreg(3, op1, 0, (index / 8) % 8, index % 8), RegisterId.parseValue(words[2]));
                }
                case "without" -> {
                    Vcpu full = vcpus.get(Clamp.NONE);
                    vcpu = new Vcpu(new TreeMap<>(full.values()), new TreeSet<>(full.others()));
                    vcpus.put(Clamp.parse(words[1]), vcpu);
                }
                case "gone" -> {
                    vcpu.values().remove(RegisterId.parse(words[1]));
                    vcpu.others().remove(RegisterId.parse(words[1]));
                }
                case "end" -> complete = true;
                default -> {
                    // The kernel's and the agent's lines.
                }
            }
        }
    }

    /** The vCPUs that were read, by what they were made without. */
    List<String> vcpus() {
        return vcpus.keySet().stream()
                .map(clamp -> clamp.isNone() ? "all features" : clamp.toString())
                .toList();
    }

    /** Where the two disagree, one line each. */
    List<String> differences(HostProfile profile) {
        List<String> differences = new ArrayList<>();
        if (!complete || vcpus.get(Clamp.NONE).values().size() < LEAST_REGISTERS) {
            differences.add("the second reader did not read to its end");
        }
        vcpus.forEach((clamp, vcpu) -> differences(vcpu, profile.birth(clamp)).stream()
                .map(difference -> clamp.isNone() ? difference : "with " + clamp + " " + difference)
                .forEach(differences::add));
        SveVectorLengths lengths = profile.defaultGuestAbi().sveVectorLengths();
        if (lengths.words()[0] != sveWord) {
            differences.add("SVE lengths 0x%x, published as %s".formatted(sveWord, lengths));
        }
        if (!masks.equals(profile.writableMasks())) {
            differences.add("the writable masks differ");
        }
        return differences;
    }

    private static List<String> differences(Vcpu vcpu, GuestAbi abi) {
        List<String> differences = new ArrayList<>();
        SortedSet<RegisterId> listed = new TreeSet<>(vcpu.values().keySet());
        listed.addAll(vcpu.others());
        only(listed, abi.registerIds()).forEach(id -> differences.add(id.name() + " is listed, published as missing"));
        only(abi.registerIds(), listed).forEach(id -> differences.add(id.name() + " is not listed, published"));
        vcpu.values().forEach((id, value) -> {
            if (id.abiMask() != 0 && (value & id.abiMask()) != abi.value(id)) {
                differences.add("%s is 0x%x, published as 0x%x".formatted(id.name(), value, abi.value(id)));
            }
        });
        return differences;
    }

    private static SortedSet<RegisterId> only(SortedSet<RegisterId> here, SortedSet<RegisterId> there) {
        SortedSet<RegisterId> only = new TreeSet<>(here);
        only.removeAll(there);
        return only;
    }
}
