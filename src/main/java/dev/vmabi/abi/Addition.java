package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;

/**
 * What a guest has after a move and had not before.
 *
 * @param register name of the register
 * @param field name of the field, empty for a whole register
 * @param before value before, empty where the guest had no such register
 * @param after value after the move
 * @param gainedFeatures {@code FEAT_*} and hypercalls that come with it
 */
public record Addition(String register, String field, String before, String after, SortedSet<String> gainedFeatures) {

    /** Registers and field values that {@code after} has and {@code before} has not. */
    public static List<Addition> between(GuestAbi before, GuestAbi after) {
        List<Addition> additions = new ArrayList<>();
        for (long id : after.listedIds()) {
            RegisterId register = new RegisterId(id);
            long now = after.valueOf(id);
            if (!before.lists(id)) {
                String value = register.abiMask() == 0 ? "present" : "0x" + Long.toHexString(now);
                additions.add(new Addition(
                        register.name(), "", "", value, Catalogue.get().lost(after, id, now, 0)));
            } else if (now != before.valueOf(id)) {
                additions.addAll(changed(register, before.valueOf(id), now, after));
            }
        }
        return additions;
    }

    private static List<Addition> changed(RegisterId register, long was, long now, GuestAbi after) {
        List<Addition> additions = new ArrayList<>();
        for (Field field : Catalogue.get().fields(register)) {
            long from = field.raw(was);
            long to = field.raw(now);
            if (from != to) {
                SortedSet<String> gained = field.notAbove(to, from)
                        ? Collections.emptySortedSet()
                        : Catalogue.get().lost(after, register.encoding(), now, field.insert(now, from));
                additions.add(new Addition(
                        register.name(),
                        field.name(),
                        "0x" + Long.toHexString(from),
                        "0x" + Long.toHexString(to),
                        gained));
            }
        }
        if (additions.isEmpty()) {
            additions.add(new Addition(
                    register.name(),
                    "",
                    "0x" + Long.toHexString(was),
                    "0x" + Long.toHexString(now),
                    Collections.emptySortedSet()));
        }
        return additions;
    }
}
