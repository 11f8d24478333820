package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.SortedSet;
import java.util.TreeSet;

/** Tells which profiles hold a minimum down, field by field. */
final class Holders {

    private final List<HostProfile> hosts;
    private final GuestAbi pin;
    /** What each host shows in the register that is being looked at. */
    private final long[] shown;

    Holders(List<HostProfile> hosts, GuestAbi pin) {
        this.hosts = hosts;
        this.pin = pin;
        this.shown = new long[hosts.size()];
    }

    /**
     * For each field in which hosts differ, those whose own value is the pin's while others show more, with the value
     * that the others would agree on without all of those.
     */
    List<HoldsDown> holdsDown() {
        List<HoldsDown> found = new ArrayList<>();
        long[] ids = pin.valuedIds();
        for (int i = 0; i < ids.length; i++) {
            long held = pin.values()[i];
            boolean differs = false;
            for (int h = 0; h < shown.length; h++) {
                shown[h] = hosts.get(h).defaultGuestAbi().valueOf(ids[i]);
                differs |= shown[h] != held;
            }
            if (differs) {
                register(ids[i], held, found);
            }
        }
        SortedSet<RegisterId> missing = new TreeSet<>();
        for (HostProfile host : hosts) {
            for (long id : host.defaultGuestAbi().valuedIds()) {
                if (!pin.lists(id) && new RegisterId(id).kind() != RegisterKind.CACHE) {
                    missing.add(new RegisterId(id));
                }
            }
        }
        missing.forEach(id -> absent(id, found));
        // Sorting is stable: fields of equal cost stay in register order.
        found.sort(Comparator.comparingInt((HoldsDown h) -> h.gainedFeatures().size())
                .reversed());
        return found;
    }

    private void register(long id, long held, List<HoldsDown> found) {
        List<Field> fields = Catalogue.get().fields(id);
        if (new RegisterId(id).kind() == RegisterKind.FIRMWARE) {
            wholeRegister(id, held, found);
        }
        for (Field field : fields) {
            if (field.width() <= 8 && field.policy() != Policy.CACHE_TOPOLOGY) {
                field(id, field, held, found);
            }
        }
    }

    private void field(long id, Field field, long held, List<HoldsDown> found) {
        long pinned = field.raw(held);
        List<Integer> holders = new ArrayList<>();
        List<Integer> others = new ArrayList<>();
        for (int h = 0; h < shown.length; h++) {
            (field.notAbove(field.raw(shown[h]), pinned) ? holders : others).add(h);
        }
        if (others.isEmpty() || holders.isEmpty()) {
            return;
        }
        OptionalLong otherwise = agreed(id, field, others);
        if (otherwise.isEmpty() || field.raw(otherwise.getAsLong()) == pinned) {
            return;
        }
        long raised = field.insert(held, field.raw(otherwise.getAsLong()));
        SortedSet<String> gained = Catalogue.get().lost(pin, id, raised, held);
        for (int h : holders) {
            found.add(new HoldsDown(
                    hosts.get(h).digest(),
                    new RegisterId(id),
                    field.name(),
                    hex(pinned),
                    hex(field.raw(raised)),
                    gained));
        }
    }

    private void wholeRegister(long id, long held, List<HoldsDown> found) {
        List<Integer> holders = new ArrayList<>();
        List<Integer> others = new ArrayList<>();
        for (int h = 0; h < shown.length; h++) {
            (shown[h] <= held ? holders : others).add(h);
        }
        OptionalLong otherwise = others.isEmpty() ? OptionalLong.empty() : least(others);
        if (!holders.isEmpty() && otherwise.isPresent() && otherwise.getAsLong() != held) {
            for (int h : holders) {
                found.add(new HoldsDown(
                        hosts.get(h).digest(),
                        new RegisterId(id),
                        "",
                        hex(held),
                        hex(otherwise.getAsLong()),
                        new TreeSet<>()));
            }
        }
    }

    private void absent(RegisterId id, List<HoldsDown> found) {
        for (HostProfile host : hosts) {
            if (!host.defaultGuestAbi().lists(id.encoding())) {
                found.add(new HoldsDown(host.digest(), id, "", "absent", "present", new TreeSet<>()));
            }
        }
    }

    /** A register value with what these hosts agree on in the field's nibble, which holds the whole field. */
    private OptionalLong agreed(long id, Field field, List<Integer> among) {
        int nibble = field.shift() / 4;
        if (field.shift() + field.width() > 4 * nibble + 4) {
            return OptionalLong.empty();
        }
        int taken = 0xFFFF;
        int faithful = 0xFFFF;
        for (int h : among) {
            Offer offer = hosts.get(h).offer();
            int i = Ids.indexOf(offer.ids(), id);
            if (i < 0) {
                return OptionalLong.empty();
            }
            if (offer.rule(i) != null) {
                return offer.rule(i) instanceof ValueRule.Bits ? least(among) : OptionalLong.empty();
            }
            taken &= offer.takenSet(i, nibble);
            faithful &= offer.faithfulSet(i, nibble);
        }
        int set = faithful != 0 ? faithful : taken;
        return set == 0
                ? OptionalLong.empty()
                : OptionalLong.of((long) Catalogue.get().order(id, nibble).greatest(set) << (4 * nibble));
    }

    private OptionalLong least(List<Integer> among) {
        return among.stream().mapToLong(h -> shown[h]).min();
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
