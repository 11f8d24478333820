package dev.vmabi.abi;

import dev.vmabi.abi.TakenRegister.Answer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a kernel that nobody tried is expected to take, by the catalogue's policies and the registers it lists. */
final class ComputedTaken {

    private static final Version V5_19 = new Version(5, 19);
    private static final Version V6_1 = new Version(6, 1);
    private static final Version V6_3 = new Version(6, 3);
    private static final Version V6_4 = new Version(6, 4);
    private static final Version V6_7 = new Version(6, 7);
    private static final Version V6_13 = new Version(6, 13);
    private static final Version V6_15 = new Version(6, 15);
    private static final long CNTPCT_EL0 = 0x6030_0000_0013_DF01L;
    private static final List<Long> PSCI = List.of(0x2L, 0x10000L, 0x10001L, 0x10002L, 0x10003L);

    private final GuestAbi abi;
    private final Map<RegisterId, Long> masks;
    /** The kernel is at least this. */
    private final Version kernel;

    ComputedTaken(GuestAbi abi, Map<RegisterId, Long> masks, Optional<Version> stated) {
        this.abi = abi;
        this.masks = masks;
        Version evident = evident(abi);
        Version masked = masks.isEmpty() || evident.compareTo(V6_7) > 0 ? evident : V6_7;
        this.kernel = stated.filter(v -> v.compareTo(masked) > 0).orElse(masked);
    }

    SortedMap<RegisterId, TakenRegister> registers() {
        SortedMap<RegisterId, TakenRegister> registers = new TreeMap<>();
        abi.registers().forEach((id, value) -> {
            switch (id.kind()) {
                case FIRMWARE -> registers.put(id, new TakenRegister.Values(firmware(id, value)));
                case HYPERCALL_BITMAP -> registers.put(id, new TakenRegister.Bits(bits(id)));
                case FEATURE_ID, CACHE, IMPLEMENTATION_ID -> {
                    if (id.size() == Long.BYTES) {
                        registers.put(id, new TakenRegister.Nibbles(true, nibbles(id, value)));
                    }
                }
                default -> {}
            }
        });
        return registers;
    }

    /** A lower bound of the kernel release, from registers that came with releases (docs/algebra.md). */
    private static Version evident(GuestAbi abi) {
        if (abi.lists(RegisterId.VENDOR_HYP_BMAP_2.encoding())) {
            return V6_15;
        }
        if (Acceptance.knowsPsci12(abi, Taken.UNMEASURED)) {
            return V6_13;
        }
        if (abi.lists(CNTPCT_EL0)) {
            return V6_4;
        }
        if (abi.lists(Encodings.CCSIDR_FIRST + 13)) {
            return V6_3;
        }
        return abi.lists(RegisterId.STD_BMAP.encoding()) ? V5_19 : Version.UNSTATED;
    }

    private static SortedMap<Long, Answer> firmware(RegisterId id, long host) {
        SortedMap<Long, Answer> values = new TreeMap<>();
        if (id.equals(RegisterId.PSCI_VERSION)) {
            PSCI.stream().filter(v -> host >= 2 && v <= host).forEach(v -> values.put(v, Answer.TAKEN));
        } else if (id.equals(RegisterId.WORKAROUND_2)) {
            values.put(0L, host == 0 ? Answer.TAKEN : Answer.ALTERED);
            values.put(1L, Answer.ALTERED);
        } else if (id.equals(RegisterId.WORKAROUND_1) || id.equals(RegisterId.WORKAROUND_3)) {
            for (long v = 0; v < host; v++) {
                values.put(v, Answer.ALTERED);
            }
        }
        values.put(host, Answer.TAKEN);
        return values;
    }

    private static SortedMap<Integer, Answer> bits(RegisterId id) {
        SortedMap<Integer, Answer> bits = new TreeMap<>();
        for (Field field : Catalogue.get().fields(id)) {
            bits.put(field.shift(), Answer.TAKEN);
        }
        return bits;
    }

    private SortedMap<Integer, String> nibbles(RegisterId id, long host) {
        SortedMap<Integer, String> nibbles = new TreeMap<>();
        for (int shift = 0; shift < 64; shift += 4) {
            StringBuilder letters = new StringBuilder();
            for (int v = 0; v < 16; v++) {
                long value = (host & ~(15L << shift)) | ((long) v << shift);
                letters.append((value == host ? Answer.TAKEN : answer(id, shift, host, value)).letter());
            }
            if (letters.chars()
                            .filter(letter -> letter != Answer.REFUSED.letter())
                            .count()
                    > 1) {
                nibbles.put(shift, letters.toString());
            }
        }
        return nibbles;
    }

    private Answer answer(RegisterId id, int shift, long host, long value) {
        if (id.encoding() == Encodings.CLIDR_EL1) {
            boolean settable = kernel.compareTo(V6_3) >= 0;
            boolean needsCleaning = ((abi.valueOf(Encodings.CTR_EL0) >>> 28) & 1) == 0;
            return settable && new ValueRule.CacheLevels(false, needsCleaning, host).takes(value)
                    ? Answer.TAKEN
                    : Answer.REFUSED;
        }
        if (isAArch32(id) && !hasAArch32()) {
            return kernel.compareTo(V6_1) >= 0 && (value >>> 32) == 0 ? Answer.ALTERED : Answer.REFUSED;
        }
        Answer answer = Answer.TAKEN;
        long rest = value ^ host;
        for (Field field : Catalogue.get().fields(id)) {
            boolean inside = field.shift() >= shift && field.shift() + field.width() <= shift + 4;
            if (inside && field.raw(value) != field.raw(host)) {
                Answer own = answer(field, field.raw(host), field.raw(value));
                answer = own == Answer.TAKEN ? answer : own;
                rest = field.insert(rest, 0);
            }
        }
        return rest == 0 ? answer : Answer.REFUSED;
    }

    private Answer answer(Field field, long host, long wanted) {
        if (host == 0 && hidesWhatTheCpuHas(field)) {
            return Answer.ALTERED;
        }
        if (!writable(field) || Catalogue.get().refusedSomewhere(field, wanted)) {
            return Answer.REFUSED;
        }
        if (Catalogue.get().alteredTo(field, wanted).isPresent()) {
            return Answer.ALTERED;
        }
        return field.notAbove(wanted, host) && wanted >= field.least() ? Answer.TAKEN : Answer.REFUSED;
    }

    /** The stated mask decides; without one, the release does. */
    private boolean writable(Field field) {
        if (field.writableSince().isEmpty()) {
            return false;
        }
        if (!masks.isEmpty()) {
            long mask = masks.getOrDefault(field.register(), 0L);
            return field.raw(mask) == field.raw(-1L);
        }
        return field.writableSince().get().compareTo(kernel) <= 0;
    }

    /**
     * The CPU's own value is not known here, but a guest that gets past MIDR_EL1 comes from the same silicon. A model
     * that is no one's silicon (implementer 0, as QEMU's max) promises nothing of the sort.
     */
    private boolean hidesWhatTheCpuHas(Field field) {
        boolean silicon = ((abi.valueOf(Encodings.MIDR_EL1) >>> 24) & 0xFF) != 0;
        return silicon
                && Catalogue.get()
                        .toleratedSince(field)
                        .filter(since -> since.compareTo(kernel) <= 0)
                        .isPresent();
    }

    private boolean hasAArch32() {
        return (abi.valueOf(Encodings.ID_AA64PFR0_EL1) & 15) == 2;
    }

    private static boolean isAArch32(RegisterId id) {
        int crm = (int) (id.encoding() >>> 3) & 15;
        boolean idSpace = (id.encoding() & ~0x3FL) == Encodings.MIDR_EL1;
        return idSpace && crm >= 1 && crm <= 3;
    }
}
