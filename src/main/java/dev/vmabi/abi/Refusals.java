package dev.vmabi.abi;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/** Puts refusals into words: fields, values, what is lost, what cures it. */
final class Refusals {

    private static final SortedSet<String> NOTHING = Collections.emptySortedSet();
    private static final Version PSCI_CLAMP = new Version(11, 1);

    /** What the host shows by default. */
    private final GuestAbi host;
    /** Whether the host's kernel could let a VMM write the implementation ID. */
    private final boolean implementationIdWritable;

    private final GuestAbi guest;
    private final Vmm vmm;

    Refusals(GuestAbi host, boolean implementationIdWritable, GuestAbi guest, Vmm vmm) {
        this.host = host;
        this.implementationIdWritable = implementationIdWritable;
        this.guest = guest;
        this.vmm = vmm;
    }

    Refusal featureMissing(VcpuFeature feature) {
        SortedSet<String> lost = new TreeSet<>();
        for (Catalogue.OffField off : Catalogue.get().offFields()) {
            if (off.feature() == feature) {
                long register = off.register().encoding();
                long value = guest.valueOf(register);
                lost.addAll(Catalogue.get()
                        .lost(
                                guest,
                                register,
                                value,
                                off.field() == null ? 0 : off.field().insert(value, 0)));
            }
        }
        return new Refusal.VcpuFeatureMissing(
                "vCPU feature", feature.name(), "on", "not offered", lost, "none: the host's CPU or kernel lacks it");
    }

    Refusal vectorLengths() {
        return new Refusal.VectorLengthMissing(
                RegisterId.SVE_VLS.name(),
                "",
                lengths(guest.sveVectorLengths()),
                lengths(host.sveVectorLengths()),
                NOTHING,
                "start the guest with sve-max-vq no greater than both hosts agree on");
    }

    Refusal revision() {
        int wanted = guest.vgicRevision().orElseThrow();
        int own = host.vgicRevision().orElseThrow();
        return wanted > own
                ? new Refusal.VgicRevisionAbove(
                        "GICD_IIDR",
                        "Revision",
                        Integer.toString(wanted),
                        Integer.toString(own),
                        NOTHING,
                        "a newer kernel on the host")
                : revisionFixed(Integer.toString(wanted), Integer.toString(own));
    }

    static Refusal revisionFixed(String wanted, String own) {
        return new Refusal.FieldFixed(
                "GICD_IIDR",
                "Revision",
                wanted,
                own,
                NOTHING,
                "a kernel of April 2026 or later (stable branches too): older ones ignore the write");
    }

    List<Refusal> registerList(VmmRules.ListVerdict verdict, SortedSet<Long> unknown, VmmRules rules) {
        List<Refusal> found = new ArrayList<>();
        String vmmCure = rules.tolerant() ? "" : ", or QEMU 11.1 for those it tolerates";
        if (verdict == VmmRules.ListVerdict.TOO_LONG) {
            found.add(new Refusal.RegisterList(
                    "KVM_GET_REG_LIST",
                    "",
                    rules.carried(guest.listedIds()) + " registers",
                    rules.carried(host.listedIds()) + " registers",
                    NOTHING,
                    "a kernel on the host that lists as many" + vmmCure));
        }
        for (long id : unknown) {
            RegisterId register = new RegisterId(id);
            String value = register.abiMask() == 0 ? "it" : hex(guest.valueOf(id));
            found.add(new Refusal.RegisterMissing(
                    register.name(),
                    "",
                    value,
                    "no such register",
                    Catalogue.get().lost(guest, id, guest.valueOf(id), 0),
                    "a kernel on the host that has it" + vmmCure));
        }
        return found;
    }

    Refusal vanishing(Catalogue.Gate gate) {
        return new Refusal.RegisterMissing(
                gate.register().name(),
                "",
                "it",
                "hidden while " + gate.field().qualifiedName() + " is 0",
                NOTHING,
                "none on this kernel: start the guest where the register is hidden too");
    }

    /** One refusal for each field of the register that lies in a refused nibble and differs. */
    List<Refusal> value(long register, long wanted, long offered, int refusedNibbles) {
        RegisterId id = new RegisterId(register);
        if (id.kind() == RegisterKind.IMPLEMENTATION_ID) {
            return List.of(new Refusal.ImplementationIdDiffers(
                    id.name(), "", hex(wanted), hex(offered), NOTHING, implementationIdCure()));
        }
        if (id.kind() == RegisterKind.HYPERCALL_BITMAP) {
            return bits(id, wanted, offered);
        }
        List<Refusal> found = new ArrayList<>();
        long rest = wanted ^ offered;
        for (Field field : Catalogue.get().fields(id)) {
            long from = field.raw(wanted);
            long to = field.raw(offered);
            if (from != to && touches(field, refusedNibbles)) {
                found.add(field(field, register, wanted, from, to));
            }
            rest = field.insert(rest, 0);
        }
        if (found.isEmpty() || (rest != 0 && touches(rest, refusedNibbles))) {
            found.add(
                    id.kind() == RegisterKind.FIRMWARE && wanted > offered
                            ? new Refusal.ValueAbove(
                                    id.name(),
                                    "",
                                    firmware(id, wanted),
                                    firmware(id, offered),
                                    NOTHING,
                                    firmwareCure(id))
                            : new Refusal.FieldFixed(
                                    id.name(), "", firmware(id, wanted), firmware(id, offered), NOTHING, "none known"));
        }
        return found;
    }

    private Refusal field(Field field, long register, long registerValue, long wanted, long offered) {
        SortedSet<String> lost =
                Catalogue.get().lost(guest, register, registerValue, field.insert(registerValue, offered));
        String name = field.name();
        String from = "0x" + Long.toHexString(wanted);
        String to = "0x" + Long.toHexString(offered);
        if (field.policy() == Policy.CACHE_TOPOLOGY) {
            String cure = "a kernel on the host from 6.3 on, which lets it be set";
            return new Refusal.FieldFixed(new RegisterId(register).name(), name, from, to, lost, cure);
        }
        if (!field.notAbove(wanted, offered)) {
            String cure = field.hidden()
                    ? "none: newer kernels hide this field"
                    : "a host whose CPU and kernel show it, or start the guest without it";
            return new Refusal.ValueAbove(new RegisterId(register).name(), name, from, to, lost, cure);
        }
        Optional<Version> since = field.writableSince();
        String cure = since.map(v -> "a kernel on the host from " + v + " on lets it be lowered")
                .orElse("none: no kernel lets it be lowered");
        return new Refusal.FieldFixed(new RegisterId(register).name(), name, from, to, lost, cure);
    }

    private List<Refusal> bits(RegisterId id, long wanted, long offered) {
        List<Refusal> found = new ArrayList<>();
        long known = 0;
        for (Field field : Catalogue.get().fields(id)) {
            known |= 1L << field.shift();
        }
        for (int bit = 0; bit < 64; bit++) {
            int number = bit;
            String name = Catalogue.get().fields(id).stream()
                    .filter(f -> f.shift() == number)
                    .map(Field::name)
                    .findFirst()
                    .orElse("bit " + bit);
            boolean set = ((wanted >>> bit) & 1) != 0;
            if ((((wanted ^ offered) >>> bit) & 1) == 0) {
                continue;
            }
            if (set) {
                SortedSet<String> lost = Catalogue.get().lost(guest, id.encoding(), wanted, wanted & ~(1L << bit));
                String cure = ((known >>> bit) & 1) != 0 ? "a newer kernel on the host" : "none known";
                found.add(new Refusal.BitmapBitUnknown(id.name(), name, "set", "unknown", lost, cure));
            } else {
                found.add(new Refusal.FieldFixed(
                        id.name(), name, "clear", "always set", NOTHING, "a kernel on the host from 5.19 on"));
            }
        }
        return found;
    }

    private String implementationIdCure() {
        if (implementationIdWritable && !VmmRules.of(vmm).imposes("implementation-id")) {
            return "a VMM that writes it (the kernel can: KVM_CAP_ARM_WRITABLE_IMP_ID_REGS); " + vmm + " does not";
        }
        return "none with this kernel: writable since 6.15, by a VMM that writes it";
    }

    private String firmwareCure(RegisterId id) {
        if (id.equals(RegisterId.PSCI_VERSION)) {
            String clamp = "start the guest with psci=" + version(host.value(id));
            boolean can = VmmRules.of(vmm).imposes("psci");
            String which = can ? "" : " (QEMU " + PSCI_CLAMP + " can)";
            return "a newer kernel on the host, or " + clamp + which;
        }
        return "a host whose CPU or firmware is as well protected";
    }

    private static String firmware(RegisterId id, long value) {
        return id.equals(RegisterId.PSCI_VERSION) ? version(value) : hex(value);
    }

    private static String version(long psci) {
        return (psci >>> 16) + "." + (psci & 0xFFFF);
    }

    private static boolean touches(Field field, int nibbles) {
        return touches((field.width() == 64 ? -1L : (1L << field.width()) - 1) << field.shift(), nibbles);
    }

    private static boolean touches(long bits, int nibbles) {
        for (int n = 0; n < 16; n++) {
            if (((nibbles >>> n) & 1) != 0 && ((bits >>> (4 * n)) & 15) != 0) {
                return true;
            }
        }
        return false;
    }

    private static String lengths(SveVectorLengths lengths) {
        return lengths.isEmpty() ? "none" : lengths + " bits";
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
