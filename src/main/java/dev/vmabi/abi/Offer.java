package dev.vmabi.abi;

import java.util.Arrays;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The guest ABIs that a host, or every host of a set, takes: for each register a set of values. A meet-semilattice:
 * {@link #meet} is set intersection throughout.
 *
 * <p>Nibble sets are flat arrays, four longs a register; bit {@code 16 * (n % 4) + v} of long {@code n / 4} says that
 * nibble {@code n} takes value {@code v}.
 */
final class Offer {

    private final long[] listed;
    private final long[] ids;
    /** A host's own values; of a meet, without meaning. */
    private final long[] defaults;
    /** What KVM_SET_ONE_REG takes. */
    private final long[] taken;
    /** Those that read back as written and promise no more than the host's default does. */
    private final long[] faithful;
    /** Those of {@link #taken} that read otherwise on some host. */
    private final long[] altered;
    /** By register; null where the nibbles say it. */
    private final ValueRule[] rules;

    private Offer(
            long[] listed,
            long[] ids,
            long[] defaults,
            long[] taken,
            long[] faithful,
            long[] altered,
            ValueRule[] rules) {
        this.listed = listed;
        this.ids = ids;
        this.defaults = defaults;
        this.taken = taken;
        this.faithful = faithful;
        this.altered = altered;
        this.rules = rules;
    }

    /** What one host takes around its default guest ABI. */
    static Offer of(GuestAbi abi, Taken taken) {
        long[] ids = abi.valuedIds();
        long[] defaults = abi.values();
        long[] takenSets = new long[4 * ids.length];
        long[] faithfulSets = new long[4 * ids.length];
        long[] alteredSets = new long[4 * ids.length];
        ValueRule[] rules = new ValueRule[ids.length];
        for (int i = 0; i < ids.length; i++) {
            RegisterId id = new RegisterId(ids[i]);
            TakenRegister answers = taken.registers().get(id);
            rules[i] = rule(abi, id, defaults[i], answers);
            for (int n = 0; n < 16; n++) {
                int value = (int) (defaults[i] >>> (4 * n)) & 15;
                int set = 1 << value;
                int sameAsWritten = 1 << value;
                int otherwise = 0;
                if (answers instanceof TakenRegister.Nibbles nibbles) {
                    if (!nibbles.defaultTaken()) {
                        set = 0;
                        sameAsWritten = 0;
                    }
                    String letters = nibbles.nibbles().get(4 * n);
                    if (letters != null) {
                        sameAsWritten |= letterSet(letters, 'A');
                        otherwise = letterSet(letters, 'S') & ~(1 << value);
                        set |= sameAsWritten | otherwise;
                    }
                }
                sameAsWritten &= Catalogue.get().order(ids[i], n).notAbove(value);
                takenSets[4 * i + n / 4] |= (long) set << (16 * (n % 4));
                faithfulSets[4 * i + n / 4] |= (long) sameAsWritten << (16 * (n % 4));
                alteredSets[4 * i + n / 4] |= (long) otherwise << (16 * (n % 4));
            }
        }
        return new Offer(abi.listedIds(), ids, defaults, takenSets, faithfulSets, alteredSets, rules);
    }

    long[] listed() {
        return listed;
    }

    long[] ids() {
        return ids;
    }

    /** Whether every register that both have takes the guest's value; registers on one side only do not matter. */
    boolean takesAll(GuestAbi abi, VmmRules rules) {
        long[] theirs = abi.valuedIds();
        long[] values = abi.values();
        for (int i = 0, j = 0; i < ids.length && j < theirs.length; ) {
            int order = Long.compareUnsigned(ids[i], theirs[j]);
            if (order == 0) {
                if (rules.restores(ids[i]) && !takes(i, values[j])) {
                    return false;
                }
                i++;
                j++;
            } else if (order < 0) {
                i++;
            } else {
                j++;
            }
        }
        return true;
    }

    /** Whether register {@code i} takes a value. */
    boolean takes(int i, long value) {
        return rules[i] != null ? rules[i].takes(value) : refusedNibbles(i, value) == 0;
    }

    /** The nibbles, one bit each, in which register {@code i} refuses a value; all where a rule decides. */
    int refusedNibbles(int i, long value) {
        if (rules[i] != null) {
            return rules[i].takes(value) ? 0 : 0xFFFF;
        }
        int refused = 0;
        for (int n = 0; n < 16; n++) {
            int v = (int) (value >>> (4 * n)) & 15;
            if (((taken[4 * i + n / 4] >>> (16 * (n % 4) + v)) & 1) == 0) {
                refused |= 1 << n;
            }
        }
        return refused;
    }

    ValueRule rule(int i) {
        return rules[i];
    }

    /** What a taken value of register {@code i} reads as on this host. */
    long landed(int i, long value) {
        if (rules[i] != null) {
            return rules[i].landed(value);
        }
        long landed = value;
        for (int n = 0; n < 16; n++) {
            int v = (int) (value >>> (4 * n)) & 15;
            int host = (int) (defaults[i] >>> (4 * n)) & 15;
            if (((set(altered, i, n) >>> v) & 1) != 0) {
                landed = (landed & ~(15L << (4 * n))) | (reads(i, n, v, host) << (4 * n));
            }
        }
        return landed;
    }

    private long reads(int i, int n, int written, int host) {
        for (Field field : Catalogue.get().fields(ids[i])) {
            if (field.shift() == 4 * n && field.width() == 4) {
                return Catalogue.get().alteredTo(field, written).orElse(host);
            }
        }
        return host;
    }

    /** What both take. */
    Offer meet(Offer other) {
        if (!Arrays.equals(ids, other.ids)) {
            long[] common = Ids.intersect(ids, other.ids);
            return restrictedTo(common).meet(other.restrictedTo(common));
        }
        long[] bothTaken = new long[taken.length];
        long[] bothFaithful = new long[taken.length];
        long[] eitherAltered = new long[taken.length];
        for (int i = 0; i < taken.length; i++) {
            bothTaken[i] = taken[i] & other.taken[i];
            bothFaithful[i] = faithful[i] & other.faithful[i];
            eitherAltered[i] = altered[i] | other.altered[i];
        }
        ValueRule[] bothRules = new ValueRule[ids.length];
        for (int i = 0; i < ids.length; i++) {
            if (rules[i] != null) {
                bothRules[i] = rules[i].meet(other.rules[i]);
            }
        }
        long[] bothListed = Arrays.equals(listed, other.listed) ? listed : Ids.intersect(listed, other.listed);
        return new Offer(bothListed, ids, defaults, bothTaken, bothFaithful, eitherAltered, bothRules);
    }

    /** The value to pin in register {@code i}: taken, and the most it may promise; empty if no value is taken. */
    OptionalLong greatest(int i) {
        if (rules[i] != null) {
            return rules[i].greatest();
        }
        long value = 0;
        for (int n = 0; n < 16; n++) {
            int v = greatest(i, n);
            if (v < 0) {
                return OptionalLong.empty();
            }
            value |= (long) v << (4 * n);
        }
        return OptionalLong.of(value);
    }

    /** The value to pin in one nibble of register {@code i}, -1 if none is taken. */
    int greatest(int i, int n) {
        NibbleOrder order = Catalogue.get().order(ids[i], n);
        int faithfulSet = set(faithful, i, n);
        if (faithfulSet != 0) {
            return order.greatest(faithfulSet);
        }
        // Above what a host shows only where there is no order (implementation ID): its guests are not born with more.
        return order.isExact() ? order.greatest(set(taken, i, n) & ~set(altered, i, n)) : -1;
    }

    /** This offer without the values of one nibble that are not in {@code allowed}. */
    Offer withNibble(int i, int n, int allowed) {
        long mask = ~(0xFFFFL << (16 * (n % 4))) | (long) allowed << (16 * (n % 4));
        long[] lessTaken = taken.clone();
        long[] lessFaithful = faithful.clone();
        lessTaken[4 * i + n / 4] &= mask;
        lessFaithful[4 * i + n / 4] &= mask;
        return new Offer(listed, ids, defaults, lessTaken, lessFaithful, altered, rules);
    }

    /** This offer where register {@code i} takes any value of so many bits. */
    Offer withAny(int i, int bits) {
        long[] moreTaken = taken.clone();
        long[] moreFaithful = faithful.clone();
        for (int n = 0; n < bits / 4; n++) {
            moreTaken[4 * i + n / 4] |= 0xFFFFL << (16 * (n % 4));
            moreFaithful[4 * i + n / 4] |= 0xFFFFL << (16 * (n % 4));
        }
        return new Offer(listed, ids, defaults, moreTaken, moreFaithful, altered, rules);
    }

    /** This offer with another rule for register {@code i}. */
    Offer withRule(int i, ValueRule rule) {
        ValueRule[] changed = rules.clone();
        changed[i] = rule;
        return new Offer(listed, ids, defaults, taken, faithful, altered, changed);
    }

    /** The values that nibble {@code n} of register {@code i} takes, one bit each. */
    int takenSet(int i, int n) {
        return set(taken, i, n);
    }

    /** Those of them that read back as written and are not above the default. */
    int faithfulSet(int i, int n) {
        return set(faithful, i, n);
    }

    private Offer restrictedTo(long[] common) {
        long[] lessDefaults = new long[common.length];
        long[] lessTaken = new long[4 * common.length];
        long[] lessFaithful = new long[4 * common.length];
        long[] lessAltered = new long[4 * common.length];
        ValueRule[] lessRules = new ValueRule[common.length];
        for (int k = 0; k < common.length; k++) {
            int i = Ids.indexOf(ids, common[k]);
            lessDefaults[k] = defaults[i];
            System.arraycopy(taken, 4 * i, lessTaken, 4 * k, 4);
            System.arraycopy(faithful, 4 * i, lessFaithful, 4 * k, 4);
            System.arraycopy(altered, 4 * i, lessAltered, 4 * k, 4);
            lessRules[k] = rules[i];
        }
        return new Offer(listed, common, lessDefaults, lessTaken, lessFaithful, lessAltered, lessRules);
    }

    private static int set(long[] sets, int i, int n) {
        return (int) (sets[4 * i + n / 4] >>> (16 * (n % 4))) & 0xFFFF;
    }

    private static int letterSet(String letters, char wanted) {
        int set = 0;
        for (int v = 0; v < 16; v++) {
            if (letters.charAt(v) == wanted) {
                set |= 1 << v;
            }
        }
        return set;
    }

    private static ValueRule rule(GuestAbi abi, RegisterId id, long value, TakenRegister answers) {
        return switch (id.kind()) {
            case FIRMWARE -> firmware(value, answers);
            case HYPERCALL_BITMAP -> bitmap(value, answers);
            case CACHE -> id.encoding() == Encodings.CLIDR_EL1 ? levels(abi, value, answers) : geometry(abi, id, value);
            case STATE -> new ValueRule.Anything(value, !readsAsWritten(answers));
            default -> id.encoding() == Encodings.ACTLR_EL1 ? new ValueRule.Anything(value, false) : null;
        };
    }

    /** PMCR_EL0.N: Linux 6.1 keeps whatever is written, 6.12 no more than its own. */
    private static boolean readsAsWritten(TakenRegister answers) {
        return answers instanceof TakenRegister.Nibbles nibbles
                && !nibbles.nibbles().isEmpty()
                && nibbles.nibbles().values().stream()
                        .allMatch(letters -> letterSet(letters, TakenRegister.Answer.TAKEN.letter()) == 0xFFFF);
    }

    private static ValueRule firmware(long value, TakenRegister answers) {
        if (!(answers instanceof TakenRegister.Values values)) {
            return new ValueRule.OneOf(new long[] {value}, new long[] {value}, value);
        }
        long[] takenValues = new long[values.values().size() + 1];
        long[] faithfulValues = new long[takenValues.length];
        int t = 0;
        int f = 0;
        SortedMap<Long, TakenRegister.Answer> all = new TreeMap<>(values.values());
        all.putIfAbsent(value, TakenRegister.Answer.TAKEN);
        for (var entry : all.entrySet()) {
            if (entry.getValue() != TakenRegister.Answer.REFUSED) {
                takenValues[t++] = entry.getKey();
                if (entry.getValue() == TakenRegister.Answer.TAKEN && entry.getKey() <= value) {
                    faithfulValues[f++] = entry.getKey();
                }
            }
        }
        return new ValueRule.OneOf(Arrays.copyOf(takenValues, t), Arrays.copyOf(faithfulValues, f), value);
    }

    private static ValueRule bitmap(long value, TakenRegister answers) {
        long flippable = 0;
        if (answers instanceof TakenRegister.Bits bits) {
            for (var entry : bits.bits().entrySet()) {
                if (entry.getValue() != TakenRegister.Answer.REFUSED) {
                    flippable |= 1L << entry.getKey();
                }
            }
        }
        return new ValueRule.Bits(value | flippable, ~value | flippable, value);
    }

    private static ValueRule levels(GuestAbi abi, long value, TakenRegister answers) {
        boolean settable = answers instanceof TakenRegister.Nibbles nibbles
                && !nibbles.nibbles().isEmpty();
        boolean needsCleaning = ((abi.valueOf(Encodings.CTR_EL0) >>> 28) & 1) == 0;
        ValueRule.CacheLevels strict = new ValueRule.CacheLevels(!settable, settable && needsCleaning, value);
        // What a host shows it also takes, whatever else it says of its caches.
        return strict.takes(value) ? strict : new ValueRule.CacheLevels(!settable, false, value);
    }

    /** Linux lists all 14 caches since 6.3, the release that lets userspace set them; before, those of the hardware. */
    private static ValueRule geometry(GuestAbi abi, RegisterId id, long value) {
        boolean settable = abi.lists(Encodings.CCSIDR_FIRST + 13);
        boolean instruction = (id.encoding() & 1) != 0;
        long line = (abi.valueOf(Encodings.CTR_EL0) >>> (instruction ? 0 : 16)) & 15;
        // CTR_EL0 has log2 of words, CCSIDR_EL1 log2 of bytes less 4.
        return new ValueRule.CacheGeometry(!settable, settable ? (int) Math.max(0, line - 2) : 0, value);
    }
}
