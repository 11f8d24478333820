package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.VcpuFeature;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** What one guest sees, in the form it is stored: {@code spec} of a GuestABI, and part of an ABIProfile. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record GuestABISpec(
        @Required
        @Size(max = 16)
        @JsonPropertyDescription("vCPU features of KVM_ARM_VCPU_INIT, as PSCI_0_2, PMU_V3, SVE, PTRAUTH_ADDRESS,"
                + " PTRAUTH_GENERIC, EL1_32BIT, HAS_EL2.")
        List<@Pattern("^[A-Z][A-Z0-9_]{1,31}$") String> vcpuFeatures,

        @Size(max = 8)
        @JsonPropertyDescription("The words of KVM_REG_ARM64_SVE_VLS, least significant first, as 0x and up to 16"
                + " hexadecimal digits: bit n of word w stands for a vector length of (64w+n+1)*128 bits. Absent"
                + " without SVE.")
        List<@Pattern(Hex.VALUE) String> sveVectorLengths,

        @Min(0) @Max(15) @JsonPropertyDescription("GICD_IIDR.Revision of the vGIC, where it was read.")
        Integer vgicRevision,

        @Required
        @Size(max = 1024)
        @JsonPropertyDescription("The registers that define the guest ABI: value by KVM one-reg id, both hexadecimal."
                + " State registers have no place here.")
        Map<String, @Pattern(Hex.VALUE) String> registers,

        @Size(max = 2048)
        @JsonPropertyDescription("Ids of the further registers that KVM_GET_REG_LIST lists: their presence is ABI,"
                + " their values are the guest's own.")
        List<@Pattern(Hex.ID) String> otherRegisterIds) {

    /** The form in which {@code abi} is stored. */
    public static GuestABISpec fromGuestAbi(GuestAbi abi) {
        SortedMap<RegisterId, Long> registers = abi.registers();
        Map<String, String> values = new TreeMap<>();
        registers.forEach((id, value) -> values.put(id.hex(), Hex.of(value)));
        List<String> others = new ArrayList<>();
        for (RegisterId id : abi.registerIds()) {
            if (!registers.containsKey(id)) {
                others.add(id.hex());
            }
        }
        return new GuestABISpec(
                abi.vcpuFeatures().stream().map(Enum::name).toList(),
                sveWords(abi.sveVectorLengths()),
                abi.vgicRevision().isPresent() ? abi.vgicRevision().getAsInt() : null,
                values,
                others);
    }

    /**
     * The guest ABI that is stored here.
     *
     * @throws IllegalArgumentException naming field and value, if anything is missing or malformed
     */
    public GuestAbi toGuestAbi() {
        if (registers == null || registers.isEmpty()) {
            throw new IllegalArgumentException("registers: must not be empty");
        }
        Map<RegisterId, Long> values = new TreeMap<>();
        registers.forEach((id, value) -> {
            RegisterId register = Hex.registerId("registers", id);
            if (register.abiMask() == 0) {
                throw new IllegalArgumentException(
                        "registers." + id + ": " + register.name() + " is state, not ABI: list it in otherRegisterIds");
            }
            values.put(register, Hex.value("registers." + id, value));
        });
        Set<RegisterId> others = new HashSet<>();
        for (String id : orEmpty(otherRegisterIds)) {
            RegisterId register = Hex.registerId("otherRegisterIds", id);
            if (!others.add(register) || values.containsKey(register)) {
                throw new IllegalArgumentException("otherRegisterIds: " + id + " is there twice");
            }
        }
        return GuestAbi.of(
                values,
                others,
                features(),
                sve(),
                vgicRevision == null ? OptionalInt.empty() : OptionalInt.of(vgicRevision));
    }

    private Set<VcpuFeature> features() {
        Set<VcpuFeature> set = EnumSet.noneOf(VcpuFeature.class);
        for (String name : orEmpty(vcpuFeatures)) {
            try {
                set.add(VcpuFeature.valueOf(name));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "vcpuFeatures: \"" + name + "\" is not one of " + Arrays.toString(VcpuFeature.values()), e);
            }
        }
        return set;
    }

    private SveVectorLengths sve() {
        List<String> words = orEmpty(sveVectorLengths);
        long[] values = new long[words.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = Hex.value("sveVectorLengths[" + i + "]", words.get(i));
        }
        try {
            return SveVectorLengths.ofWords(values);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("sveVectorLengths: " + e.getMessage(), e);
        }
    }

    private static List<String> sveWords(SveVectorLengths lengths) {
        List<String> words = new ArrayList<>();
        for (long word : lengths.words()) {
            words.add(Hex.of(word));
        }
        while (!words.isEmpty() && words.getLast().equals(Hex.of(0))) {
            words.removeLast();
        }
        return words;
    }

    private static List<String> orEmpty(List<String> list) {
        return list == null ? List.of() : list;
    }
}
