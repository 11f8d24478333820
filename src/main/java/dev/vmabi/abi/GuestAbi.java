package dev.vmabi.abi;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What one guest sees: ABI-defining register values, the set of register ids, vCPU features, SVE vector lengths and
 * vGIC revision. Immutable; equal if and only if the canonical forms, and so the digests, are equal.
 *
 * <p>Values of state registers are dropped on the way in (see {@link RegisterId#abiMask()}), so two readings of like
 * hosts, taken at different times, are equal.
 */
public final class GuestAbi {

    private static final byte[] MAGIC = "vmabi guest-abi 1\n".getBytes(StandardCharsets.US_ASCII);

    /** Every listed id, sorted unsigned. */
    private final long[] listed;
    /** Ids of the ABI-defining registers, sorted unsigned, and their values. */
    private final long[] ids;

    private final long[] values;
    private final Set<VcpuFeature> vcpuFeatures;
    private final SveVectorLengths sveVectorLengths;
    private final OptionalInt vgicRevision;

    private volatile Digest digest;
    private volatile SortedSet<String> features;

    private GuestAbi(
            long[] listed,
            long[] ids,
            long[] values,
            Set<VcpuFeature> vcpuFeatures,
            SveVectorLengths sveVectorLengths,
            OptionalInt vgicRevision) {
        this.listed = listed;
        this.ids = ids;
        this.values = values;
        this.vcpuFeatures = vcpuFeatures;
        this.sveVectorLengths = sveVectorLengths;
        this.vgicRevision = vgicRevision;
    }

    /**
     * The guest ABI of what was read from a vCPU.
     *
     * @param values every register read, state registers included; each is also listed
     * @param listed further ids of {@code KVM_GET_REG_LIST} whose value was not read
     * @param vgicRevision {@code GICD_IIDR.Revision}, empty where not read
     */
    public static GuestAbi of(
            Map<RegisterId, Long> values,
            Collection<RegisterId> listed,
            Set<VcpuFeature> vcpuFeatures,
            SveVectorLengths sveVectorLengths,
            OptionalInt vgicRevision) {
        SortedSet<RegisterId> all = new TreeSet<>(listed);
        all.addAll(values.keySet());
        SortedMap<RegisterId, Long> abi = new TreeMap<>();
        values.forEach((id, value) -> {
            if (id.abiMask() != 0) {
                abi.put(id, value & id.abiMask());
            }
        });
        return ofSorted(
                all.stream().mapToLong(RegisterId::encoding).toArray(),
                abi.keySet().stream().mapToLong(RegisterId::encoding).toArray(),
                abi.values().stream().mapToLong(Long::longValue).toArray(),
                vcpuFeatures,
                sveVectorLengths,
                vgicRevision);
    }

    /** Takes the arrays over; the ids must be sorted unsigned, the values masked. */
    static GuestAbi ofSorted(
            long[] listed,
            long[] ids,
            long[] values,
            Set<VcpuFeature> vcpuFeatures,
            SveVectorLengths sveVectorLengths,
            OptionalInt vgicRevision) {
        EnumSet<VcpuFeature> features = EnumSet.noneOf(VcpuFeature.class);
        features.addAll(vcpuFeatures);
        return new GuestAbi(listed, ids, values, Collections.unmodifiableSet(features), sveVectorLengths, vgicRevision);
    }

    /** The ABI-defining registers with their values. */
    public SortedMap<RegisterId, Long> registers() {
        SortedMap<RegisterId, Long> map = new TreeMap<>();
        for (int i = 0; i < ids.length; i++) {
            map.put(new RegisterId(ids[i]), values[i]);
        }
        return Collections.unmodifiableSortedMap(map);
    }

    /** Every id that {@code KVM_GET_REG_LIST} lists: presence is ABI. */
    public SortedSet<RegisterId> registerIds() {
        SortedSet<RegisterId> set = new TreeSet<>();
        for (long id : listed) {
            set.add(new RegisterId(id));
        }
        return Collections.unmodifiableSortedSet(set);
    }

    /** Whether {@code KVM_GET_REG_LIST} lists the register. */
    public boolean lists(RegisterId id) {
        return lists(id.encoding());
    }

    /** The value of an ABI-defining register, 0 where the guest has none: absent ID registers read as zero. */
    public long value(RegisterId id) {
        return valueOf(id.encoding());
    }

    public Set<VcpuFeature> vcpuFeatures() {
        return vcpuFeatures;
    }

    /** Empty without SVE. */
    public SveVectorLengths sveVectorLengths() {
        return sveVectorLengths;
    }

    /** {@code GICD_IIDR.Revision}, where it was read. */
    public OptionalInt vgicRevision() {
        return vgicRevision;
    }

    /** SHA-256 of the canonical form (docs/algebra.md). */
    public Digest digest() {
        Digest known = digest;
        if (known == null) {
            known = Digest.of(canonicalForm());
            digest = known;
        }
        return known;
    }

    /** {@code FEAT_*} and hypercall names that a guest of this ABI sees. */
    public SortedSet<String> features() {
        SortedSet<String> known = features;
        if (known == null) {
            known = Collections.unmodifiableSortedSet(Catalogue.get().featuresOf(this));
            features = known;
        }
        return known;
    }

    long[] listedIds() {
        return listed;
    }

    long[] valuedIds() {
        return ids;
    }

    long[] values() {
        return values;
    }

    /** This guest with another value in a register; the same guest if it has no such register. */
    GuestAbi with(long id, long value) {
        int i = Ids.indexOf(ids, id);
        if (i < 0 || values[i] == value) {
            return this;
        }
        long[] changed = values.clone();
        changed[i] = value;
        return new GuestAbi(listed, ids, changed, vcpuFeatures, sveVectorLengths, vgicRevision);
    }

    /** This guest without the registers of these gates. */
    GuestAbi without(List<Catalogue.Gate> gates) {
        Set<Long> hidden = new HashSet<>();
        for (Catalogue.Gate gate : gates) {
            long id = gate.register().encoding();
            if (lists(id)) {
                hidden.add(id);
            }
        }
        if (hidden.isEmpty()) {
            return this;
        }
        // Gated registers are state: they have no value here.
        long[] left = Arrays.stream(listed).filter(id -> !hidden.contains(id)).toArray();
        return new GuestAbi(left, ids, values, vcpuFeatures, sveVectorLengths, vgicRevision);
    }

    boolean lists(long id) {
        return Ids.indexOf(listed, id) >= 0;
    }

    long valueOf(long id) {
        int i = Ids.indexOf(ids, id);
        return i < 0 ? 0 : values[i];
    }

    byte[] canonicalForm() {
        long[] sve = sveVectorLengths.words();
        ByteBuffer out = ByteBuffer.allocate(MAGIC.length + 8 * (4 + sve.length + listed.length + 2 * ids.length));
        out.put(MAGIC);
        out.putLong(VcpuFeature.toBits(vcpuFeatures));
        out.putLong(vgicRevision.orElse(-1));
        for (long word : sve) {
            out.putLong(word);
        }
        out.putLong(listed.length);
        for (long id : listed) {
            out.putLong(id);
        }
        out.putLong(ids.length);
        for (int i = 0; i < ids.length; i++) {
            out.putLong(ids[i]).putLong(values[i]);
        }
        return out.array();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof GuestAbi other
                && Arrays.equals(values, other.values)
                && Arrays.equals(listed, other.listed)
                && Arrays.equals(ids, other.ids)
                && vcpuFeatures.equals(other.vcpuFeatures)
                && sveVectorLengths.equals(other.sveVectorLengths)
                && vgicRevision.equals(other.vgicRevision);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values) * 31 + Arrays.hashCode(listed);
    }

    @Override
    public String toString() {
        return "GuestAbi[" + digest().label() + "]";
    }
}
