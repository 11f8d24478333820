package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The registers, fields, features and hypercalls this release knows; read once from {@code catalogue.tsv}. */
public final class Catalogue {

    /** A register that exists only while a field is above zero. */
    record Gate(RegisterId register, Field field) {}

    /** A field (null: the whole register) that reads zero without a vCPU feature. */
    record OffField(RegisterId register, Field field, VcpuFeature feature) {}

    private static final Catalogue INSTANCE = new Catalogue();

    /** Capabilities that shape what a guest sees (Linux, include/uapi/linux/kvm.h). */
    private static final Set<Integer> GUEST_CAPABILITIES =
            Set.of(93, 102, 126, 158, 165, 170, 171, 172, 198, 205, 239, 240, 241, 251);

    private final Map<Long, String> names = new HashMap<>();
    private final Map<String, RegisterId> ids = new HashMap<>();
    private final Map<Long, List<Field>> fields = new HashMap<>();
    private final SortedMap<String, Feature> features = new TreeMap<>();
    private final Map<Long, List<Feature>> byRegister = new HashMap<>();
    private final Map<Long, VcpuFeature> needs = new HashMap<>();
    private final List<OffField> off = new ArrayList<>();
    private final List<Gate> gates = new ArrayList<>();
    private final Map<Field, Map<Long, Long>> altered = new HashMap<>();
    private final Map<Field, Set<Long>> refused = new HashMap<>();
    private final Map<Field, Version> tolerated = new HashMap<>();
    private final Map<Long, NibbleOrder[]> orders = new ConcurrentHashMap<>();

    private Catalogue() {
        List<String[]> rows = Resource.rows("catalogue.tsv");
        for (String[] row : rows) {
            switch (row[0]) {
                case "register" -> addRegister(row[1], RegisterId.parse(row[2]));
                case "field" -> addField(row);
                case "bit" -> addBit(row);
                default -> {}
            }
        }
        fields.values()
                .forEach(list -> list.sort(Comparator.comparingInt(Field::shift).reversed()));
        // These name fields, so they come after all fields are known.
        Map<String, List<List<Feature.Condition>>> conditions = new LinkedHashMap<>();
        for (String[] row : rows) {
            switch (row[0]) {
                case "needs" -> needs.put(register(row[1]).encoding(), VcpuFeature.valueOf(row[2]));
                case "off" -> off.add(offField(row));
                case "gated" -> gates.add(new Gate(register(row[1]), field(row[2])));
                case "feature" ->
                    conditions
                            .computeIfAbsent(row[1], name -> new ArrayList<>())
                            .add(conditions(row[2]));
                case "altered" ->
                    altered.computeIfAbsent(field(row[1]), f -> new HashMap<>())
                            .put(Long.valueOf(row[2]), Long.valueOf(row[3]));
                case "refused" ->
                    refused.put(
                            field(row[1]),
                            Stream.of(row[2].split(",", -1)).map(Long::valueOf).collect(Collectors.toSet()));
                case "tolerated" -> tolerated.put(field(row[1]), Version.parse(row[2]));
                case "register", "field", "bit" -> {}
                default -> throw new IllegalStateException("catalogue.tsv: unknown row " + row[0]);
            }
        }
        conditions.forEach((name, alternatives) -> features.put(name, new Feature(name, alternatives)));
        for (Feature feature : features.values()) {
            for (RegisterId register : feature.registers()) {
                byRegister
                        .computeIfAbsent(register.encoding(), id -> new ArrayList<>())
                        .add(feature);
            }
        }
    }

    public static Catalogue get() {
        return INSTANCE;
    }

    /** Every {@code FEAT_*} and hypercall name. */
    public SortedSet<String> knownFeatures() {
        return Collections.unmodifiableSortedSet(new TreeSet<>(features.keySet()));
    }

    /** The known names nearest to an unknown one, best first, at most 3. */
    public List<String> nearest(String unknown) {
        String wanted = unknown.toLowerCase(Locale.ROOT);
        return features.keySet().stream()
                .sorted(Comparator.comparingInt((String name) -> distance(wanted, name.toLowerCase(Locale.ROOT)))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(3)
                .toList();
    }

    public Optional<Feature> feature(String name) {
        return Optional.ofNullable(features.get(name));
    }

    /** The fields of a register from the highest bit down; empty for a register the catalogue does not know. */
    public List<Field> fields(RegisterId id) {
        return fields(id.encoding());
    }

    /** The register of this name, if the catalogue knows it. */
    public Optional<RegisterId> registerByName(String name) {
        return Optional.ofNullable(ids.get(name));
    }

    List<Field> fields(long id) {
        List<Field> known = fields.get(isCcsidr(id) ? Encodings.CCSIDR_FIRST : id);
        return known == null ? List.of() : Collections.unmodifiableList(known);
    }

    String name(RegisterId id) {
        String name = names.get(id.encoding());
        if (name != null && !isCcsidr(id.encoding())) {
            return name;
        }
        if (isCcsidr(id.encoding())) {
            return "CCSIDR_EL1[" + (id.encoding() & 0xFF) + "]";
        }
        if (id.kind() == RegisterKind.STATE || id.kind() == RegisterKind.FEATURE_ID) {
            long e = id.encoding();
            return "S%d_%d_C%d_C%d_%d".formatted((e >>> 14) & 3, (e >>> 11) & 7, (e >>> 7) & 15, (e >>> 3) & 15, e & 7);
        }
        return id.hex();
    }

    SortedSet<String> featuresOf(GuestAbi abi) {
        SortedSet<String> shown = new TreeSet<>();
        for (Feature feature : features.values()) {
            if (feature.shownBy(abi)) {
                shown.add(feature.name());
            }
        }
        return shown;
    }

    /** The features that a guest with {@code from} in this register has and one with {@code to} has not. */
    SortedSet<String> lost(GuestAbi abi, long register, long from, long to) {
        List<Feature> concerned = byRegister.get(register);
        if (concerned == null || from == to) {
            return Collections.emptySortedSet();
        }
        SortedSet<String> lost = new TreeSet<>();
        GuestAbi before = abi.with(register, from);
        GuestAbi after = abi.with(register, to);
        for (Feature feature : concerned) {
            if (feature.shownBy(before) && !feature.shownBy(after)) {
                lost.add(feature.name());
            }
        }
        return lost;
    }

    /** The vCPU feature without which a register is not listed. */
    Optional<VcpuFeature> neededBy(long register) {
        return Optional.ofNullable(needs.get(register));
    }

    /** What an encoding that KVM takes but does not keep reads as, where that is not the host's own. */
    OptionalLong alteredTo(Field field, long raw) {
        Long reads = altered.getOrDefault(field, Map.of()).get(raw);
        return reads == null ? OptionalLong.empty() : OptionalLong.of(reads);
    }

    /** Whether some kernel refuses an encoding though it is not above the host's. */
    boolean refusedSomewhere(Field field, long raw) {
        return refused.getOrDefault(field, Set.of()).contains(raw);
    }

    /** First kernel that hides a field and takes the CPU's own value back unseen. */
    Optional<Version> toleratedSince(Field field) {
        return Optional.ofNullable(tolerated.get(field));
    }

    List<OffField> offFields() {
        return off;
    }

    List<Gate> gates() {
        return gates;
    }

    NibbleOrder order(long register, int nibble) {
        return orders.computeIfAbsent(register, id -> {
            NibbleOrder[] all = new NibbleOrder[16];
            for (int n = 0; n < 16; n++) {
                all[n] = new NibbleOrder(fields(id), 4 * n);
            }
            return all;
        })[nibble];
    }

    boolean capabilityShapesGuests(int number) {
        return GUEST_CAPABILITIES.contains(number);
    }

    private static boolean isCcsidr(long id) {
        return (id & ~0xFFL) == Encodings.CCSIDR_FIRST;
    }

    private void addRegister(String name, RegisterId id) {
        names.put(id.encoding(), name);
        ids.put(name, id);
    }

    private void addField(String[] row) {
        RegisterId register = register(row[1]);
        Policy hostPolicy = Policy.valueOf(row[6]);
        fields.computeIfAbsent(register.encoding(), id -> new ArrayList<>())
                .add(new Field(
                        register,
                        row[2].equals("*") ? "" : row[2],
                        Integer.parseInt(row[3]),
                        Integer.parseInt(row[4]),
                        row[5].equals("s"),
                        hostPolicy,
                        Long.parseLong(row[7]),
                        row[8].equals("-") ? hostPolicy : Policy.valueOf(row[8]),
                        row[9].equals("-") ? Optional.empty() : Optional.of(Version.parse(row[9])),
                        row[10].equals("-") ? 0 : Long.parseLong(row[10]),
                        row[11].equals("zero")));
    }

    private void addBit(String[] row) {
        RegisterId register = register(row[1]);
        String service = row[3];
        Field bit = new Field(
                register,
                service.substring(service.indexOf('.') + 1),
                Integer.parseInt(row[2]),
                1,
                false,
                Policy.LOWER_SAFE,
                0,
                Policy.LOWER_SAFE,
                Optional.empty(),
                0,
                false);
        fields.computeIfAbsent(register.encoding(), id -> new ArrayList<>()).add(bit);
        features.put(service, new Feature(service, List.of(List.of(new Feature.Condition(bit, 1)))));
    }

    private OffField offField(String[] row) {
        int dot = row[1].indexOf('.');
        RegisterId register = register(row[1].substring(0, dot));
        Field field = row[1].endsWith(".*") ? null : field(row[1]);
        return new OffField(register, field, VcpuFeature.valueOf(row[2]));
    }

    private List<Feature.Condition> conditions(String text) {
        List<Feature.Condition> list = new ArrayList<>();
        for (String condition : text.split(" ", -1)) {
            int at = condition.indexOf(">=");
            list.add(new Feature.Condition(
                    field(condition.substring(0, at)), Long.parseLong(condition.substring(at + 2))));
        }
        return list;
    }

    private RegisterId register(String name) {
        RegisterId id = ids.get(name);
        if (id == null) {
            throw new IllegalStateException("catalogue.tsv: no register " + name);
        }
        return id;
    }

    private Field field(String qualified) {
        int dot = qualified.indexOf('.');
        return fields(register(qualified.substring(0, dot))).stream()
                .filter(f -> f.name().equals(qualified.substring(dot + 1)))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("catalogue.tsv: no field " + qualified));
    }

    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= Math.min(a.length(), 64); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substitute = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substitute, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
