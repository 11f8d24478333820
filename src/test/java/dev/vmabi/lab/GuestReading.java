package dev.vmabi.lab;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.RegisterKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a guest ({@code guest.c}) printed of its own registers, held against a guest ABI. */
final class GuestReading {

    /**
     * ID_AA64PFR0_EL1.GIC and ID_PFR1_EL1.GIC: they follow the interrupt controller that the VMM creates, which a
     * probe's scratch VM does not have.
     */
    private static final Map<RegisterId, Long> FOLLOWS_VGIC =
            Map.of(RegisterId.sysreg(3, 0, 0, 4, 0), 0xFL << 24, RegisterId.sysreg(3, 0, 0, 1, 1), 0xFL << 28);

    private static final RegisterId CTR_EL0 = RegisterId.sysreg(3, 3, 0, 0, 1);
    private static final long CTR_EL0_IDC = 1L << 28;

    /** CCSIDR_EL1 of the 14th cache, which Linux lists since 6.3. */
    private static final RegisterId LAST_CCSIDR = RegisterId.parse("0x602000000011000d");

    private final SortedMap<RegisterId, Long> values = new TreeMap<>();
    private long sveWord;

    GuestReading(List<String> serial) {
        for (String line : serial) {
            String[] words = line.strip().split(" ", -1);
            if (words[0].equals("register")) {
                values.put(RegisterId.parse(words[1]), RegisterId.parseValue(words[2]));
            } else if (words[0].equals("sve")) {
                sveWord = RegisterId.parseValue(words[1]);
            }
        }
    }

    /** Registers of the guest ABI that the guest could read. */
    int compared(GuestAbi abi) {
        return (int) abi.registers().entrySet().stream()
                .filter(register -> values.containsKey(register.getKey()))
                .count();
    }

    /** Where the guest reads otherwise than its ABI says, one line each. */
    List<String> differences(GuestAbi abi) {
        List<String> differences = new ArrayList<>();
        abi.registers().forEach((id, value) -> {
            Long read = values.get(id);
            long mask = mask(id) & ~FOLLOWS_VGIC.getOrDefault(id, 0L);
            // KVM before 6.3 answers userspace with what the kernel made of IDC, and lets the guest read the CPU's.
            if (id.equals(CTR_EL0) && !abi.lists(LAST_CCSIDR)) {
                mask &= ~CTR_EL0_IDC;
            }
            if (read != null && ((read ^ value) & mask) != 0) {
                differences.add("%s is 0x%x to the guest, 0x%x in its ABI".formatted(id.name(), read, value));
            }
        });
        if (abi.sveVectorLengths().words()[0] != sveWord) {
            differences.add("the guest has SVE lengths 0x%x, its ABI %s".formatted(sveWord, abi.sveVectorLengths()));
        }
        return differences;
    }

    /** Of a workaround's level, the flag beside it is not the guest's to see; a cache's size register has 32 bits. */
    private static long mask(RegisterId id) {
        if (id.kind() == RegisterKind.FIRMWARE && !id.equals(RegisterId.PSCI_VERSION)) {
            return 0xF;
        }
        return id.size() == Integer.BYTES ? 0xFFFF_FFFFL : id.abiMask();
    }
}
