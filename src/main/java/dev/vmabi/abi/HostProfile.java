package dev.vmabi.abi;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * What one host can do: its default guest ABI, what its kernel takes, and the capabilities that shape a guest.
 * Immutable; thousands of like hosts share one.
 */
public final class HostProfile {

    /** KVM_CAP_ARM_WRITABLE_IMP_ID_REGS. */
    private static final int WRITABLE_IMP_ID_REGS = 239;

    /** KVM_CAP_PTP_KVM, which every kernel has since 5.13: KVM itself tells nobody its version. */
    private static final int PTP_KVM = 198;

    private final GuestAbi defaultGuestAbi;
    private final Taken taken;
    private final SortedMap<Integer, Long> capabilities;
    private final int ipaLimitBits;
    private final SortedMap<RegisterId, Long> writableMasks;

    private final boolean gatesRegisters;
    private final Map<Clamp, HostProfile> clamped = new ConcurrentHashMap<>();
    private volatile Digest digest;
    private volatile Offer offer;
    /** As {@link #offer}, to a VMM that writes the implementation ID. */
    private volatile Offer offerToWriter;
    /** Of the digest; 0 until asked for. Races are harmless: all compute the same. */
    private int hash;

    /**
     * @param defaultGuestAbi what a guest sees when the VMM opts out of nothing
     * @param taken what the kernel takes; {@link Taken#UNMEASURED} or {@link Taken#computed} if nobody tried
     * @param capabilities {@code KVM_CHECK_EXTENSION} by capability number, on the VM fd
     * @param ipaLimitBits {@code KVM_CAP_ARM_VM_IPA_SIZE}, 0 where unknown
     * @param writableMasks nonzero masks of {@code KVM_ARM_GET_REG_WRITABLE_MASKS}; empty where the kernel has none
     */
    public HostProfile(
            GuestAbi defaultGuestAbi,
            Taken taken,
            Map<Integer, Long> capabilities,
            int ipaLimitBits,
            Map<RegisterId, Long> writableMasks) {
        this.defaultGuestAbi = defaultGuestAbi;
        this.taken = taken;
        this.capabilities = Collections.unmodifiableSortedMap(new TreeMap<>(capabilities));
        this.ipaLimitBits = ipaLimitBits;
        this.writableMasks = Collections.unmodifiableSortedMap(new TreeMap<>(writableMasks));
        this.gatesRegisters = Acceptance.knowsPsci12(defaultGuestAbi, taken);
    }

    public GuestAbi defaultGuestAbi() {
        return defaultGuestAbi;
    }

    public Taken taken() {
        return taken;
    }

    /** By capability number; all that were read, though only those that shape a guest enter the digest. */
    public SortedMap<Integer, Long> capabilities() {
        return capabilities;
    }

    /** Greatest guest physical address size in bits, 0 where unknown. */
    public int ipaLimitBits() {
        return ipaLimitBits;
    }

    public SortedMap<RegisterId, Long> writableMasks() {
        return writableMasks;
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

    /** Whether a guest of this ABI, started by this VMM without any clamp, can be restored here. */
    public Verdict accepts(GuestAbi abi, Vmm vmm) {
        return accepts(abi, vmm, Clamp.NONE);
    }

    /**
     * Whether a guest of this ABI can be restored here. One-way is judged by the guest's ABI alone: as if the host it
     * left took nothing else.
     *
     * @param clamp what the VMM imposes; the same configuration starts the guest on both hosts
     */
    public Verdict accepts(GuestAbi abi, Vmm vmm, Clamp clamp) {
        return judge(abi, vmm, clamp, (here, landed) -> here.takesBack(landed) ? null : () -> here.wayBack(landed));
    }

    /**
     * Whether a guest of this ABI can be restored here when it comes from {@code origin}: one-way if that very host
     * would refuse it afterwards.
     */
    public Verdict accepts(GuestAbi abi, Vmm vmm, Clamp clamp, HostProfile origin) {
        return judge(abi, vmm, clamp, (here, landed) -> switch (origin.judge(landed, vmm, clamp, (at, again) -> null)) {
            case Verdict.Refused refused -> refused::refusals;
            default -> null;
        });
    }

    /** What closes the way back of a guest after its landing; null where it is open. */
    private interface WayBack {
        Supplier<List<Refusal>> closedBy(Acceptance here, GuestAbi landed);
    }

    private Verdict judge(GuestAbi abi, Vmm vmm, Clamp clamp, WayBack wayBack) {
        VmmRules rules = VmmRules.of(vmm);
        HostProfile here;
        try {
            here = clamped(rules.hostFeatures() ? clamp : clamp.matching(abi, defaultGuestAbi));
        } catch (IllegalArgumentException e) {
            Refusal refusal = new Refusal.ClampNotHonoured(
                    "clamp", "", clamp.toString(), e.getMessage(), Collections.emptySortedSet(), "none on this host");
            return new Verdict.Refused(() -> List.of(refusal), taken.measured());
        }
        Acceptance acceptance = new Acceptance(here, abi, vmm, rules);
        if (!acceptance.accepted()) {
            return new Verdict.Refused(acceptance::refusals, taken.measured());
        }
        if (abi.equals(here.defaultGuestAbi)) {
            return new Verdict.Accepted(taken.measured());
        }
        GuestAbi landed = acceptance.landing();
        Supplier<List<Refusal>> closedBy = wayBack.closedBy(acceptance, landed);
        return closedBy == null
                ? new Verdict.Accepted(taken.measured())
                : new Verdict.OneWay(abi, landed, closedBy, taken.measured());
    }

    /** What the guest has after being restored here by this VMM without any clamp. */
    public GuestAbi land(GuestAbi abi, Vmm vmm) {
        return land(abi, vmm, Clamp.NONE);
    }

    /**
     * What the guest has after being restored here: its own values where it had the register, this host's defaults
     * where it had not.
     *
     * @throws IllegalArgumentException if this host refuses
     */
    public GuestAbi land(GuestAbi abi, Vmm vmm, Clamp clamp) {
        if (judge(abi, vmm, clamp, (at, landed) -> null) instanceof Verdict.Refused refused) {
            throw new IllegalArgumentException(
                    "refused: " + refused.refusals().getFirst().message());
        }
        VmmRules rules = VmmRules.of(vmm);
        HostProfile here = clamped(rules.hostFeatures() ? clamp : clamp.matching(abi, defaultGuestAbi));
        return new Acceptance(here, abi, vmm, rules).landing();
    }

    /**
     * What a VM that boots here under the clamp gets.
     *
     * @throws IllegalArgumentException if this host cannot honour the clamp
     */
    public GuestAbi birth(Clamp clamp) {
        return clamped(clamp).defaultGuestAbi;
    }

    /**
     * This host as a VMM sees it that imposes the clamp: its default guest ABI is {@link #birth}.
     *
     * @throws IllegalArgumentException if this host cannot honour the clamp
     */
    HostProfile clamped(Clamp clamp) {
        if (!clamp.changes(defaultGuestAbi)) {
            return this;
        }
        HostProfile known = clamped.get(clamp);
        if (known == null) {
            known = Clamping.clamp(this, clamp);
            clamped.put(clamp, known);
        }
        return known;
    }

    /**
     * Whether a vCPU without a PMU lists the PMU's registers and shows its version all the same, as Linux 5.10 does and
     * 5.15 does not ({@code pmu_visibility} in arch/arm64/kvm/sys_regs.c); false where capabilities are unknown.
     */
    boolean alwaysListsPmu() {
        return capabilities.getOrDefault(PTP_KVM, 1L) == 0;
    }

    Offer offer() {
        Offer known = offer;
        if (known == null) {
            boolean unknown = taken.registers().isEmpty();
            known = Offer.of(
                    defaultGuestAbi,
                    unknown ? Taken.computed(defaultGuestAbi, writableMasks, Optional.empty()) : taken);
            offer = known;
        }
        return known;
    }

    /** What this host takes from a VMM: one that enables KVM_CAP_ARM_WRITABLE_IMP_ID_REGS may write those registers too. */
    Offer offer(VmmRules rules) {
        if (!implementationIdWritable() || !rules.imposes("implementation-id")) {
            return offer();
        }
        Offer known = offerToWriter;
        if (known == null) {
            known = offer();
            for (long id : Encodings.IMPLEMENTATION_ID) {
                int i = Ids.indexOf(known.ids(), id);
                known = i < 0 ? known : known.withAny(i, id == Encodings.MIDR_EL1 ? 32 : 64);
            }
            offerToWriter = known;
        }
        return known;
    }

    /** Whether the kernel lets a VMM write MIDR_EL1, REVIDR_EL1 and AIDR_EL1. */
    boolean implementationIdWritable() {
        return capabilities.getOrDefault(WRITABLE_IMP_ID_REGS, 0L) != 0;
    }

    /** Whether this kernel hides registers whose feature is off in the guest's ID registers. */
    boolean gatesRegisters() {
        return gatesRegisters;
    }

    private byte[] canonicalForm() {
        StringBuilder text = new StringBuilder("vmabi host-profile 1\n");
        text.append("guest-abi ").append(defaultGuestAbi.digest().hex()).append('\n');
        text.append("ipa-bits ").append(ipaLimitBits).append('\n');
        capabilities.forEach((number, value) -> {
            if (value != 0 && Catalogue.get().capabilityShapesGuests(number)) {
                text.append("cap ").append(number).append(' ').append(value).append('\n');
            }
        });
        if (alwaysListsPmu()) {
            text.append("pmu listed\n");
        }
        taken.leastVgicRevision()
                .ifPresent(least -> text.append("vgic-least ").append(least).append('\n'));
        writableMasks.forEach((id, mask) -> {
            if (mask != 0) {
                text.append("mask ")
                        .append(id.hex())
                        .append(' ')
                        .append(Long.toHexString(mask))
                        .append('\n');
            }
        });
        text.append("measured ").append(taken.measured()).append('\n');
        SortedMap<RegisterId, TakenRegister> answers =
                taken.measured() ? taken.registers() : Collections.emptySortedMap();
        answers.forEach((id, register) -> {
            text.append("taken ").append(id.hex());
            switch (register) {
                case TakenRegister.Nibbles nibbles -> {
                    text.append(nibbles.defaultTaken() ? " default" : " no-default");
                    nibbles.nibbles()
                            .forEach((shift, letters) ->
                                    text.append(' ').append(shift).append(':').append(letters));
                }
                case TakenRegister.Bits bits ->
                    bits.bits()
                            .forEach((bit, answer) ->
                                    text.append(" bit ").append(bit).append(':').append(answer.letter()));
                case TakenRegister.Values values ->
                    values.values()
                            .forEach((value, answer) -> text.append(" value ")
                                    .append(Long.toHexString(value))
                                    .append(':')
                                    .append(answer.letter()));
            }
            text.append('\n');
        });
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    @Override
    public boolean equals(Object o) {
        return o == this || (o instanceof HostProfile other && digest().equals(other.digest()));
    }

    @Override
    public int hashCode() {
        int known = hash;
        if (known == 0) {
            known = digest().hashCode();
            hash = known;
        }
        return known;
    }

    @Override
    public String toString() {
        return "HostProfile[" + digest().label() + "]";
    }
}
