package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** Whether one (already clamped) host accepts a guest, and what the guest then has. */
final class Acceptance {

    private static final long PSCI_1_2 = 0x10002;

    private final HostProfile host;
    private final GuestAbi guest;
    private final VmmRules rules;
    private final Vmm vmm;
    private final Offer offer;

    Acceptance(HostProfile host, GuestAbi guest, Vmm vmm, VmmRules rules) {
        this.host = host;
        this.guest = guest;
        this.vmm = vmm;
        this.rules = rules;
        this.offer = host.offer(rules);
    }

    /** The quick answer; {@link #refusals} says why not. */
    boolean accepted() {
        GuestAbi own = host.defaultGuestAbi();
        return own.vcpuFeatures().containsAll(guest.vcpuFeatures())
                && own.sveVectorLengths().takes(guest.sveVectorLengths())
                && !revisionRefused()
                && rules.passes(guest.listedIds(), guest, own.listedIds())
                && offer.takesAll(guest, rules)
                && vanishing().isEmpty();
    }

    /** What the guest has after being restored here. */
    GuestAbi landing() {
        GuestAbi own = host.defaultGuestAbi();
        long[] ids = offer.ids();
        long[] values = own.values().clone();
        for (int i = 0; i < ids.length; i++) {
            int theirs = Ids.indexOf(guest.valuedIds(), ids[i]);
            if (theirs >= 0) {
                long value = guest.values()[theirs];
                values[i] = value == values[i] ? value : offer.landed(i, value);
            }
        }
        SveVectorLengths lengths = rules.hostFeatures() ? own.sveVectorLengths() : guest.sveVectorLengths();
        GuestAbi landed = GuestAbi.ofSorted(own.listedIds(), ids, values, own.vcpuFeatures(), lengths, revision());
        return landed.without(hiddenIn(landed));
    }

    /**
     * Whether a host that shows exactly this guest, and takes nothing else, would take {@code landed} back. This is the
     * host the guest left, as far as its ABI tells; {@link #wayBack} says why not.
     */
    boolean takesBack(GuestAbi landed) {
        if (!guest.vcpuFeatures().containsAll(landed.vcpuFeatures())
                || !guest.sveVectorLengths().takes(landed.sveVectorLengths())
                || !rules.passes(landed.listedIds(), landed, guest.listedIds())) {
            return false;
        }
        long[] ids = guest.valuedIds();
        for (int i = 0; i < ids.length; i++) {
            if (changed(ids[i], guest.values()[i], Ids.indexOf(landed.valuedIds(), ids[i]), landed)) {
                return false;
            }
        }
        return true;
    }

    private static boolean changed(long id, long before, int at, GuestAbi landed) {
        return at >= 0 && landed.values()[at] != before && new RegisterId(id).kind() != RegisterKind.STATE;
    }

    /** Why a host that shows exactly this guest, and takes nothing else, would refuse {@code landed}. */
    List<Refusal> wayBack(GuestAbi landed) {
        List<Refusal> found = new ArrayList<>();
        Refusals of = new Refusals(guest, false, landed, vmm);
        for (VcpuFeature feature : landed.vcpuFeatures()) {
            if (!guest.vcpuFeatures().contains(feature)) {
                found.add(of.featureMissing(feature));
            }
        }
        if (!guest.sveVectorLengths().takes(landed.sveVectorLengths())) {
            found.add(of.vectorLengths());
        }
        SortedSet<Long> unknown = new TreeSet<>(Long::compareUnsigned);
        VmmRules.ListVerdict list = rules.listVerdict(landed.listedIds(), landed, guest.listedIds(), unknown);
        if (list != VmmRules.ListVerdict.PASSES) {
            found.addAll(of.registerList(list, unknown, rules));
        }
        long[] ids = guest.valuedIds();
        for (int i = 0; i < ids.length; i++) {
            int now = Ids.indexOf(landed.valuedIds(), ids[i]);
            if (changed(ids[i], guest.values()[i], now, landed)) {
                found.addAll(of.value(ids[i], landed.values()[now], guest.values()[i], 0xFFFF));
            }
        }
        return found;
    }

    List<Refusal> refusals() {
        List<Refusal> found = new ArrayList<>();
        GuestAbi own = host.defaultGuestAbi();
        Refusals of = new Refusals(own, host.implementationIdWritable(), guest, vmm);
        Set<VcpuFeature> missing = EnumSet.noneOf(VcpuFeature.class);
        missing.addAll(guest.vcpuFeatures());
        missing.removeAll(own.vcpuFeatures());
        missing.forEach(feature -> found.add(of.featureMissing(feature)));
        if (!own.sveVectorLengths().takes(guest.sveVectorLengths())) {
            found.add(of.vectorLengths());
        }
        if (revisionRefused()) {
            found.add(of.revision());
        }
        SortedSet<Long> unknown = new TreeSet<>(Long::compareUnsigned);
        VmmRules.ListVerdict list = rules.listVerdict(guest.listedIds(), guest, own.listedIds(), unknown);
        found.addAll(of.registerList(list, unknown, rules));
        for (int i = 0; i < offer.ids().length; i++) {
            int theirs = Ids.indexOf(guest.valuedIds(), offer.ids()[i]);
            if (theirs >= 0 && rules.restores(offer.ids()[i])) {
                long value = guest.values()[theirs];
                int refused = offer.refusedNibbles(i, value);
                if (refused != 0) {
                    found.addAll(of.value(offer.ids()[i], value, own.values()[i], refused));
                }
            }
        }
        vanishing().forEach(gate -> found.add(of.vanishing(gate)));
        return found;
    }

    /** Registers of the guest that this kernel hides once the guest's own ID registers are written. */
    private List<Catalogue.Gate> vanishing() {
        List<Catalogue.Gate> vanishing = List.of();
        for (Catalogue.Gate gate : hiddenIn(guest)) {
            if (guest.lists(gate.register().encoding())
                    && host.defaultGuestAbi().lists(gate.register().encoding())) {
                vanishing = new ArrayList<>(vanishing);
                vanishing.add(gate);
            }
        }
        return vanishing;
    }

    private List<Catalogue.Gate> hiddenIn(GuestAbi abi) {
        return host.gatesRegisters() ? gatesClosed(abi) : List.of();
    }

    /** The gates whose field is zero in this guest. */
    static List<Catalogue.Gate> gatesClosed(GuestAbi abi) {
        List<Catalogue.Gate> closed = new ArrayList<>();
        for (Catalogue.Gate gate : Catalogue.get().gates()) {
            if (gate.field().raw(abi.valueOf(gate.field().register().encoding())) == 0) {
                closed.add(gate);
            }
        }
        return closed;
    }

    private boolean revisionRefused() {
        OptionalInt own = host.defaultGuestAbi().vgicRevision();
        if (guest.vgicRevision().isEmpty() || own.isEmpty()) {
            return false;
        }
        int wanted = guest.vgicRevision().getAsInt();
        return wanted > own.getAsInt()
                || wanted < host.taken().leastVgicRevision().orElse(wanted);
    }

    private OptionalInt revision() {
        return guest.vgicRevision().isPresent()
                ? guest.vgicRevision()
                : host.defaultGuestAbi().vgicRevision();
    }

    static boolean knowsPsci12(GuestAbi abi, Taken taken) {
        boolean shown = abi.valueOf(RegisterId.PSCI_VERSION.encoding()) >= PSCI_1_2;
        return shown
                || (taken.registers().get(RegisterId.PSCI_VERSION) instanceof TakenRegister.Values values
                        && values.values().getOrDefault(PSCI_1_2, TakenRegister.Answer.REFUSED)
                                != TakenRegister.Answer.REFUSED);
    }
}
