package dev.vmabi.lab;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.TakenRegister;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Guest ABIs for the lab's hosts to judge: those that VMs are born with there, and ones that differ from them at random
 * or in what is easily got wrong.
 */
final class LabGuests {

    /** What a VMM may impose on any kernel. */
    private static final List<Clamp> CLAMPS =
            List.of(Clamp.NONE, Clamp.parse("pmu=off"), Clamp.parse("sve=off,pauth=off"));

    private static final long PSCI_1_1 = 0x10001;

    /** The same in every run, so that a fault can be had again. */
    private static final long SEED = 20260101;

    private static final int CHANGES = 3;

    private LabGuests() {}

    /** By digest. */
    static SortedMap<String, GuestAbi> of(Collection<HostProfile> profiles) {
        SortedMap<String, GuestAbi> guests = new TreeMap<>();
        Random random = new Random(SEED);
        for (HostProfile profile : profiles) {
            CLAMPS.forEach(clamp -> add(guests, profile.birth(clamp)));
            if (profile.defaultGuestAbi().value(RegisterId.PSCI_VERSION) >= PSCI_1_1) {
                add(guests, profile.birth(Clamp.parse("psci=1.1")));
            }
            add(guests, changed(profile, random));
            SveVectorLengths lengths = profile.defaultGuestAbi().sveVectorLengths();
            if (lengths.maxVq() > 2) {
                // All but one below the greatest: a set that cutting off does not give.
                long word = lengths.words()[0] & ~(1L << (lengths.maxVq() - 2));
                add(guests, with(profile.defaultGuestAbi(), Map.of(), SveVectorLengths.ofWords(word)));
            }
        }
        return guests;
    }

    private static void add(SortedMap<String, GuestAbi> guests, GuestAbi abi) {
        guests.put(abi.digest().hex(), abi);
    }

    /** A few nibbles of ID registers, set to values that the host's kernel took, and one in four times to any value. */
    private static GuestAbi changed(HostProfile profile, Random random) {
        GuestAbi own = profile.defaultGuestAbi();
        List<RegisterId> registers = new ArrayList<>();
        profile.taken().registers().forEach((id, taken) -> {
            if (taken instanceof TakenRegister.Nibbles nibbles
                    && !nibbles.nibbles().isEmpty()) {
                registers.add(id);
            }
        });
        Map<RegisterId, Long> changes = new TreeMap<>();
        for (int change = 0; change < CHANGES && !registers.isEmpty(); change++) {
            RegisterId id = registers.remove(random.nextInt(registers.size()));
            var nibbles = ((TakenRegister.Nibbles) profile.taken().registers().get(id)).nibbles();
            int shift = List.copyOf(nibbles.keySet()).get(random.nextInt(nibbles.size()));
            long value = random.nextInt(16);
            while (random.nextInt(4) > 0
                    && nibbles.get(shift).charAt((int) value) != TakenRegister.Answer.TAKEN.letter()) {
                value = random.nextInt(16);
            }
            changes.put(id, (own.value(id) & ~(0xFL << shift)) | (value << shift));
        }
        return with(own, changes, own.sveVectorLengths());
    }

    private static GuestAbi with(GuestAbi abi, Map<RegisterId, Long> changes, SveVectorLengths lengths) {
        SortedMap<RegisterId, Long> registers = new TreeMap<>(abi.registers());
        registers.putAll(changes);
        return GuestAbi.of(registers, abi.registerIds(), abi.vcpuFeatures(), lengths, abi.vgicRevision());
    }
}
