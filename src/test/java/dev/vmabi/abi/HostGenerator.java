package dev.vmabi.abi;

import dev.vmabi.abi.TakenRegister.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

/** Hosts that could be: recorded ones with fields lowered, fixed, or their registers taken away. Seeded. */
public final class HostGenerator {

    private final Random random;

    public HostGenerator(long seed) {
        this.random = new Random(seed);
    }

    /** A variation of a recorded host that keeps its implementation ID. */
    public HostProfile host(HostProfile base) {
        GuestAbi abi = base.defaultGuestAbi();
        SortedMap<RegisterId, Long> values = new TreeMap<>(abi.registers());
        SortedMap<RegisterId, TakenRegister> taken = new TreeMap<>(base.taken().registers());
        List<RegisterId> changeable = changeable(values, taken);
        int changes = changeable.isEmpty() ? 0 : random.nextInt(6);
        for (int i = 0; i < changes; i++) {
            change(changeable.get(random.nextInt(changeable.size())), values, taken, true);
        }
        if (random.nextInt(3) == 0) {
            lowerPsci(values, taken);
        }
        List<RegisterId> listed = new ArrayList<>(abi.registerIds());
        if (random.nextInt(4) == 0) {
            values.remove(RegisterId.VENDOR_HYP_BMAP_2);
            taken.remove(RegisterId.VENDOR_HYP_BMAP_2);
            listed.remove(RegisterId.VENDOR_HYP_BMAP_2);
        }
        return new HostProfile(
                GuestAbi.of(values, listed, abi.vcpuFeatures(), abi.sveVectorLengths(), OptionalInt.empty()),
                Taken.measured(taken),
                base.capabilities(),
                base.ipaLimitBits(),
                base.writableMasks());
    }

    /** A host that shows less than the base in some fields and takes what it shows and less: any of these have a minimum. */
    public HostProfile lowerHost(HostProfile base) {
        SortedMap<RegisterId, Long> values =
                new TreeMap<>(base.defaultGuestAbi().registers());
        SortedMap<RegisterId, TakenRegister> taken = new TreeMap<>(base.taken().registers());
        List<RegisterId> changeable = changeable(values, taken);
        for (int i = 0; i < 4; i++) {
            change(changeable.get(random.nextInt(changeable.size())), values, taken, false);
        }
        GuestAbi abi = base.defaultGuestAbi();
        return new HostProfile(
                GuestAbi.of(values, abi.registerIds(), abi.vcpuFeatures(), abi.sveVectorLengths(), OptionalInt.empty()),
                Taken.measured(taken),
                base.capabilities(),
                base.ipaLimitBits(),
                base.writableMasks());
    }

    private static List<RegisterId> changeable(
            SortedMap<RegisterId, Long> values, SortedMap<RegisterId, TakenRegister> taken) {
        return taken.entrySet().stream()
                .filter(e -> e.getValue() instanceof TakenRegister.Nibbles n
                        && !n.nibbles().isEmpty()
                        && e.getKey().kind() == RegisterKind.FEATURE_ID
                        && e.getKey().encoding() != Encodings.CTR_EL0 // KVM makes CLIDR_EL1 follow it
                        && values.containsKey(e.getKey()))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Lowers one nibble to a value the base takes; the new host takes no more than that, or nothing else at all. */
    private void change(
            RegisterId id,
            SortedMap<RegisterId, Long> values,
            SortedMap<RegisterId, TakenRegister> taken,
            boolean mayFix) {
        TakenRegister.Nibbles answers = (TakenRegister.Nibbles) taken.get(id);
        SortedMap<Integer, String> nibbles = new TreeMap<>(answers.nibbles());
        if (nibbles.isEmpty()) {
            return;
        }
        List<Integer> shifts = List.copyOf(nibbles.keySet());
        int shift = shifts.get(random.nextInt(shifts.size()));
        String letters = nibbles.get(shift);
        int own = (int) (values.get(id) >>> shift) & 15;
        NibbleOrder order = Catalogue.get().order(id.encoding(), shift / 4);
        List<Integer> lower = new ArrayList<>();
        for (int v = 0; v < 16; v++) {
            if (letters.charAt(v) == 'A' && ((order.notAbove(own) >>> v) & 1) != 0) {
                lower.add(v);
            }
        }
        if (lower.isEmpty()) {
            return;
        }
        int chosen = lower.get(random.nextInt(lower.size()));
        values.merge(id, 0L, (old, zero) -> (old & ~(15L << shift)) | ((long) chosen << shift));
        if (mayFix && random.nextInt(8) == 0) {
            nibbles.remove(shift);
        } else {
            StringBuilder left = new StringBuilder(letters);
            for (int v = 0; v < 16; v++) {
                if (v != chosen && ((order.notAbove(chosen) >>> v) & 1) == 0) {
                    left.setCharAt(v, 'E');
                }
            }
            left.setCharAt(chosen, 'A');
            nibbles.put(shift, left.toString());
        }
        taken.put(id, new TakenRegister.Nibbles(true, nibbles));
    }

    private static void lowerPsci(SortedMap<RegisterId, Long> values, SortedMap<RegisterId, TakenRegister> taken) {
        values.put(RegisterId.PSCI_VERSION, 0x10001L);
        taken.put(
                RegisterId.PSCI_VERSION,
                TakenRegister.Values.of(Map.of(0x2L, Answer.TAKEN, 0x10000L, Answer.TAKEN, 0x10001L, Answer.TAKEN)));
    }
}
