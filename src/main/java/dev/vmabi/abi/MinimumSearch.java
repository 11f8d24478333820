package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** Seeks the minimum of one set of hosts. */
final class MinimumSearch {

    private static final int MAX_VQ = 16;

    private final List<HostProfile> hosts;
    private final Vmm vmm;
    private final VmmRules rules;
    private final Exclusions exclusions;
    private final List<Refusal> reasons = new ArrayList<>();

    MinimumSearch(Collection<HostProfile> hosts, Vmm vmm, Exclusions exclusions) {
        if (hosts.isEmpty()) {
            throw new IllegalArgumentException("the minimum of no hosts is not defined");
        }
        // Sorted, so that the answer does not depend on the order of the hosts.
        List<HostProfile> sorted = new ArrayList<>(distinct(hosts));
        sorted.sort(Comparator.comparing(HostProfile::digest));
        this.hosts = sorted;
        this.vmm = vmm;
        this.rules = VmmRules.of(vmm);
        this.exclusions = exclusions;
    }

    /** Fleets hold few profiles many times over, so the set stays small however many hosts there are. */
    private static Set<HostProfile> distinct(Collection<HostProfile> hosts) {
        Set<HostProfile> distinct = new HashSet<>();
        for (HostProfile host : hosts) {
            distinct.add(host);
        }
        return distinct;
    }

    Minimum search() {
        List<Refusal> first = null;
        for (Clamp clamp : clamps()) {
            reasons.clear();
            Minimum.Common common = under(clamp);
            if (common != null) {
                return common;
            }
            first = first == null ? List.copyOf(reasons) : first;
        }
        List<Refusal> why = first == null ? List.copyOf(reasons) : first;
        List<HostClass> classes = Classes.withoutEdges(hosts);
        boolean small = classes.size() <= Minimum.None.MOST_CLASSES_WITH_EDGES;
        return new Minimum.None(classes, small ? Classes.of(hosts, vmm).edges() : List.of(), why);
    }

    /** Clamps within the VMM's power that all hosts can honour, the least first. */
    private List<Clamp> clamps() {
        Clamp least = Clamp.NONE;
        boolean sve = wanted(VcpuFeature.SVE, "FEAT_SVE");
        boolean pauth = wanted(VcpuFeature.PTRAUTH_ADDRESS, "FEAT_PAuth");
        boolean pmu = wanted(VcpuFeature.PMU_V3, "FEAT_PMUv3");
        least = !sve && imposes("sve", VcpuFeature.SVE) ? least.withoutSve() : least;
        least = !pauth && imposes("pauth", VcpuFeature.PTRAUTH_ADDRESS) ? least.withoutPauth() : least;
        least = !pmu && imposes("pmu", VcpuFeature.PMU_V3) ? least.withoutPmu() : least;
        if (sve && rules.imposes("sve-max-vq")) {
            least = limitLengths(least);
        }
        if (rules.imposes("psci")) {
            least = limitPsci(least);
        }
        List<Clamp> clamps = new ArrayList<>(List.of(least));
        for (int off = 1; off < 8; off++) {
            Clamp clamp = least;
            clamp = (off & 1) != 0 && imposes("pmu", VcpuFeature.PMU_V3) ? clamp.withoutPmu() : clamp;
            clamp = (off & 2) != 0 && imposes("sve", VcpuFeature.SVE)
                    ? clamp.withSveMaxVq(0).withoutSve()
                    : clamp;
            clamp = (off & 4) != 0 && imposes("pauth", VcpuFeature.PTRAUTH_ADDRESS) ? clamp.withoutPauth() : clamp;
            if (!clamps.contains(clamp)) {
                clamps.add(clamp);
            }
        }
        return clamps;
    }

    /** Whether all hosts have a vCPU feature and nobody excluded it. */
    private boolean wanted(VcpuFeature feature, String name) {
        return !exclusions.features().contains(name)
                && hosts.stream()
                        .allMatch(host -> host.defaultGuestAbi().vcpuFeatures().contains(feature));
    }

    private boolean imposes(String what, VcpuFeature feature) {
        return rules.imposes(what)
                && hosts.stream()
                        .anyMatch(host -> host.defaultGuestAbi().vcpuFeatures().contains(feature));
    }

    private Clamp limitLengths(Clamp clamp) {
        SveVectorLengths common = hosts.getFirst().defaultGuestAbi().sveVectorLengths();
        for (HostProfile host : hosts) {
            common = common.meet(host.defaultGuestAbi().sveVectorLengths());
        }
        int most = common.maxVq();
        boolean same = hosts.stream()
                .allMatch(host -> host.defaultGuestAbi().sveVectorLengths().maxVq() == most);
        if (most == 0) {
            return clamp.withoutSve();
        }
        return same || most > MAX_VQ ? clamp : clamp.withSveMaxVq(most);
    }

    /** The newest PSCI that all take, imposed only where some host would give its guests another. */
    private Clamp limitPsci(Clamp clamp) {
        long least = Long.MAX_VALUE;
        long most = 0;
        for (HostProfile host : hosts) {
            long own = host.defaultGuestAbi().value(RegisterId.PSCI_VERSION);
            least = Math.min(least, own);
            most = Math.max(most, own);
        }
        return least == most ? clamp : clamp.withPsci((int) least);
    }

    private Minimum.Common under(Clamp clamp) {
        List<HostProfile> clamped = new ArrayList<>(hosts.size());
        for (HostProfile host : hosts) {
            try {
                clamped.add(host.clamped(clamp));
            } catch (IllegalArgumentException e) {
                reasons.add(new Refusal.ClampNotHonoured(
                        "clamp", "", clamp.toString(), e.getMessage(), Collections.emptySortedSet(), "none"));
                return null;
            }
        }
        Offer offer = clamped.getFirst().offer(rules);
        for (HostProfile host : clamped.subList(1, clamped.size())) {
            offer = offer.meet(host.offer(rules));
        }
        boolean anyImplementationId =
                rules.imposes("implementation-id") && clamped.stream().allMatch(HostProfile::implementationIdWritable);
        offer = anyImplementationId ? withImplementationIdOf(clamped.getFirst(), offer) : offer;
        GuestAbi pin = pin(withoutExcluded(offer), clamped);
        if (pin == null) {
            return null;
        }
        for (HostProfile host : clamped) {
            Acceptance acceptance = new Acceptance(host, pin, vmm, rules);
            if (!acceptance.accepted()) {
                reasons.addAll(acceptance.refusals());
                return null;
            }
        }
        for (String name : exclusions.features()) {
            if (pin.features().contains(name)) {
                reasons.add(new Refusal.FieldFixed(
                        name,
                        "",
                        "excluded",
                        "shown by every host",
                        new TreeSet<>(Set.of(name)),
                        "newer kernels on all hosts, or a VMM that switches it off"));
                return null;
            }
        }
        return new Minimum.Common(pin, clamp, new Holders(hosts, pin).holdsDown());
    }

    /** The three registers belong together, so all three are those of one host. */
    private static Offer withImplementationIdOf(HostProfile one, Offer offer) {
        Offer changed = offer;
        for (long id : Encodings.IMPLEMENTATION_ID) {
            int i = Ids.indexOf(offer.ids(), id);
            if (i >= 0) {
                changed = changed.withRule(
                        i, new ValueRule.Anything(one.defaultGuestAbi().valueOf(id), false));
            }
        }
        return changed;
    }

    private Offer withoutExcluded(Offer offer) {
        Offer left = offer;
        for (String name : exclusions.features()) {
            for (List<Feature.Condition> all :
                    Catalogue.get().feature(name).orElseThrow().alternatives()) {
                // One condition that does not hold is enough; the last is the one that is the feature's own.
                left = without(left, all.getLast());
            }
        }
        return left;
    }

    private static Offer without(Offer offer, Feature.Condition condition) {
        Field field = condition.field();
        int i = Ids.indexOf(offer.ids(), field.register().encoding());
        if (i < 0) {
            return offer;
        }
        if (offer.rule(i) instanceof ValueRule.Bits bits) {
            long bit = 1L << field.shift();
            return offer.withRule(i, new ValueRule.Bits(bits.may1() & ~bit, bits.may0(), bits.shown()));
        }
        int nibble = field.shift() / 4;
        int allowed = 0;
        for (int v = 0; v < 16; v++) {
            if (!condition.holds((long) v << (4 * nibble))) {
                allowed |= 1 << v;
            }
        }
        return offer.withNibble(i, nibble, allowed);
    }

    private GuestAbi pin(Offer offer, List<HostProfile> clamped) {
        long[] ids = offer.ids();
        long[] values = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            OptionalLong value = offer.greatest(i);
            if (value.isEmpty()) {
                reasons.addAll(conflict(ids[i], i, offer, clamped));
            }
            values[i] = value.orElse(0);
        }
        if (!reasons.isEmpty()) {
            return null;
        }
        Set<VcpuFeature> features = EnumSet.allOf(VcpuFeature.class);
        SveVectorLengths lengths = clamped.getFirst().defaultGuestAbi().sveVectorLengths();
        OptionalInt revision = OptionalInt.empty();
        int leastRevision = 0;
        boolean gated = false;
        for (HostProfile host : clamped) {
            GuestAbi own = host.defaultGuestAbi();
            features.retainAll(own.vcpuFeatures());
            lengths = lengths.meet(own.sveVectorLengths());
            if (own.vgicRevision().isPresent()) {
                int r = own.vgicRevision().getAsInt();
                revision = OptionalInt.of(Math.min(r, revision.orElse(r)));
                leastRevision =
                        Math.max(leastRevision, host.taken().leastVgicRevision().orElse(0));
            }
            gated |= host.gatesRegisters();
        }
        if (revision.orElse(leastRevision) < leastRevision) {
            reasons.add(Refusals.revisionFixed(Integer.toString(revision.getAsInt()), "no less than " + leastRevision));
            return null;
        }
        GuestAbi pin = GuestAbi.ofSorted(offer.listed(), ids, values, features, lengths, revision);
        return gated ? pin.without(Acceptance.gatesClosed(pin)) : pin;
    }

    /** Why no value of a register is taken by all: the first host against the first that takes no value of it. */
    private List<Refusal> conflict(long id, int i, Offer offer, List<HostProfile> clamped) {
        HostProfile one = clamped.getFirst();
        for (HostProfile other : clamped) {
            long wanted = one.defaultGuestAbi().valueOf(id);
            long offered = other.defaultGuestAbi().valueOf(id);
            int refused = 0;
            for (int n = 0; n < 16; n++) {
                boolean empty = offer.rule(i) != null || offer.greatest(i, n) < 0;
                boolean differ = (((wanted ^ offered) >>> (4 * n)) & 15) != 0;
                refused |= empty && differ ? 1 << n : 0;
            }
            if (refused != 0) {
                return new Refusals(
                                other.defaultGuestAbi(), other.implementationIdWritable(), one.defaultGuestAbi(), vmm)
                        .value(id, wanted, offered, refused);
            }
        }
        SortedSet<String> none = Collections.emptySortedSet();
        String name = new RegisterId(id).name();
        return List.of(new Refusal.FieldFixed(name, "", "less", "no value that all hosts take", none, "none known"));
    }
}
