package dev.vmabi.abi;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/** What a VMM checks on restore beside the kernel, and what it can impose at birth; from {@code vmm-rules.tsv}. */
final class VmmRules {

    /** Which registers a VMM restores by its register list. */
    enum Stream {
        ALL,
        NOT_CORE,
        NOT_CORE_NOT_SVE;

        boolean carries(long id) {
            if (this == ALL) {
                return true;
            }
            RegisterKind kind = new RegisterId(id).kind();
            return switch (kind) {
                case CORE -> false;
                case VECTOR, SVE_LENGTHS -> this == NOT_CORE;
                default -> true;
            };
        }
    }

    /** What a VMM does with a register that is in the stream and not on the host. */
    enum Unknown {
        REFUSE,
        REFUSE_UNLESS_LAST,
        LAST_DECIDES
    }

    private static final Map<String, Map<Version, VmmRules>> ALL = load();

    private final Version from;
    private final Stream stream;
    private final boolean lengthCheck;
    private final Unknown unknown;
    private final boolean hostFeatures;
    private final Set<String> imposes;
    /** By register id; an empty value tolerates any. */
    private final Map<Long, OptionalLong> tolerated = new HashMap<>();

    private VmmRules(
            Version from,
            Stream stream,
            boolean lengthCheck,
            Unknown unknown,
            boolean hostFeatures,
            Set<String> imposes) {
        this.from = from;
        this.stream = stream;
        this.lengthCheck = lengthCheck;
        this.unknown = unknown;
        this.hostFeatures = hostFeatures;
        this.imposes = imposes;
    }

    static VmmRules of(Vmm vmm) {
        VmmRules best = null;
        for (VmmRules rules : ALL.get(vmm.name()).values()) {
            if (rules.from.compareTo(vmm.version()) <= 0 && (best == null || rules.from.compareTo(best.from) > 0)) {
                best = rules;
            }
        }
        if (best == null) {
            throw new IllegalStateException("vmm-rules.tsv has no rule for " + vmm);
        }
        return best;
    }

    /** Whether this VMM starts a guest with every vCPU feature the host has, but for the clamped ones. */
    boolean hostFeatures() {
        return hostFeatures;
    }

    /** Whether the VMM can impose {@code psci}, {@code sve}, ..., {@code registers}, {@code implementation-id}. */
    boolean imposes(String what) {
        return imposes.contains(what);
    }

    /**
     * Whether this VMM passes a stream of registers on to a host that lists others.
     *
     * @param streamed ids in the guest, sorted
     * @param abi gives the values of streamed registers
     * @param listed ids on the host, sorted
     */
    boolean passes(long[] streamed, GuestAbi abi, long[] listed) {
        return listVerdict(streamed, abi, listed, null) == ListVerdict.PASSES;
    }

    /** What is wrong with a register list. */
    enum ListVerdict {
        PASSES,
        TOO_LONG,
        UNKNOWN_REGISTER
    }

    /**
     * As {@link #passes}; adds the streamed registers that the host lacks and the VMM complains of to {@code missing},
     * unless that is null.
     */
    ListVerdict listVerdict(long[] streamed, GuestAbi abi, long[] listed, Set<Long> missing) {
        int length = 0;
        int i = 0;
        int last = listed.length - 1;
        while (last >= 0 && !stream.carries(listed[last])) {
            last--;
        }
        boolean refused = false;
        for (long id : streamed) {
            if (!stream.carries(id)) {
                continue;
            }
            length++;
            while (i < listed.length && Long.compareUnsigned(listed[i], id) < 0) {
                i++;
            }
            if (i < listed.length && listed[i] == id) {
                continue;
            }
            boolean dropped =
                    unknown == Unknown.REFUSE_UNLESS_LAST && (last < 0 || Long.compareUnsigned(id, listed[last]) > 0);
            boolean fails = !dropped && !tolerates(id, abi);
            if (fails && missing != null) {
                missing.add(id);
            }
            refused = fails || (refused && unknown != Unknown.LAST_DECIDES);
        }
        if (lengthCheck && length > carried(listed)) {
            return ListVerdict.TOO_LONG;
        }
        return refused ? ListVerdict.UNKNOWN_REGISTER : ListVerdict.PASSES;
    }

    /** How many of these registers the VMM restores. */
    int carried(long[] listed) {
        int n = 0;
        for (long id : listed) {
            if (stream.carries(id)) {
                n++;
            }
        }
        return n;
    }

    /** Whether some registers may be in the stream only. */
    boolean tolerant() {
        return !tolerated.isEmpty();
    }

    /** Whether this VMM writes this register of the guest on restore. */
    boolean restores(long id) {
        return stream.carries(id);
    }

    private boolean tolerates(long id, GuestAbi abi) {
        OptionalLong value = tolerated.get(id);
        return value != null && (value.isEmpty() || value.getAsLong() == abi.valueOf(id));
    }

    private static Map<String, Map<Version, VmmRules>> load() {
        Map<String, Map<Version, VmmRules>> all = new HashMap<>();
        for (String[] row : Resource.rows("vmm-rules.tsv")) {
            Version from = Version.parse(row[2]);
            if (row[0].equals("rule")) {
                all.computeIfAbsent(row[1], name -> new HashMap<>())
                        .put(
                                from,
                                new VmmRules(
                                        from,
                                        Stream.valueOf(constant(row[3])),
                                        row[4].equals("yes"),
                                        Unknown.valueOf(constant(row[5])),
                                        row[6].equals("host"),
                                        new HashSet<>(Set.of(row[7].split(",", -1)))));
            } else {
                RegisterId register = Catalogue.get().registerByName(row[3]).orElseThrow();
                all.get(row[1])
                        .get(from)
                        .tolerated
                        .put(
                                register.encoding(),
                                row[4].equals("any")
                                        ? OptionalLong.empty()
                                        : OptionalLong.of(RegisterId.parseValue(row[4])));
            }
        }
        return all;
    }

    private static String constant(String text) {
        return text.toUpperCase(Locale.ROOT).replace('-', '_');
    }
}
