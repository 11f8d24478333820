package dev.vmabi.lab;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What {@code reader.c} printed on a host, held against what the agent published. */
final class SecondReading {

    private final SortedMap<RegisterId, Long> values = new TreeMap<>();
    private final SortedSet<RegisterId> others = new TreeSet<>();
    private final SortedMap<RegisterId, Long> masks = new TreeMap<>();
    private long sveWord;

    SecondReading(List<String> console) {
        for (String line : console) {
            String[] words = line.split(" ", -1);
            switch (words[0]) {
                case "register" ->
                    values.put(RegisterId.parse(words[1]), Long.parseUnsignedLong(words[2].substring(2), 16));
                case "other" -> others.add(RegisterId.parse(words[1]));
                case "sve" -> sveWord = Long.parseUnsignedLong(words[1].substring(2), 16);
                case "masks" -> {
                    int index = Integer.parseInt(words[1]);
                    int op1 = index / 64 == 2 ? 3 : index / 64;
                    masks.put(
                            RegisterId.sysreg(3, op1, 0, (index / 8) % 8, index % 8),
                            Long.parseUnsignedLong(words[2].substring(2), 16));
                }
                default -> {
                    // The kernel's and the agent's lines.
                }
            }
        }
    }

    int registers() {
        return values.size() + others.size();
    }

    /** Where the two disagree, one line each. */
    List<String> differences(HostProfile profile) {
        List<String> differences = new ArrayList<>();
        GuestAbi abi = profile.defaultGuestAbi();
        SortedSet<RegisterId> listed = new TreeSet<>(values.keySet());
        listed.addAll(others);
        if (!listed.equals(abi.registerIds())) {
            differences.add("the register lists differ: " + listed.size() + " and "
                    + abi.registerIds().size());
        }
        values.forEach((id, value) -> {
            if (id.abiMask() != 0 && (value & id.abiMask()) != abi.value(id)) {
                differences.add("%s is 0x%x, published as 0x%x".formatted(id.name(), value, abi.value(id)));
            }
        });
        if (abi.sveVectorLengths().words()[0] != sveWord) {
            differences.add("SVE lengths 0x%x, published as %s".formatted(sveWord, abi.sveVectorLengths()));
        }
        if (!masks.equals(profile.writableMasks())) {
            differences.add("the writable masks differ");
        }
        return differences;
    }
}
