package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.Taken;
import dev.vmabi.abi.TakenRegister;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;

/** What one host can do, in the form it is stored: {@code spec} of an ABIProfile. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record ABIProfileSpec(
        @Required @JsonPropertyDescription("What a guest sees on this host when the VMM opts out of nothing.")
        GuestABISpec guestAbi,

        @Min(0)
        @Max(64)
        @JsonPropertyDescription("KVM_CAP_ARM_VM_IPA_SIZE: greatest guest physical address size in bits; 0 or absent"
                + " where unknown.")
        Integer ipaLimitBits,

        @Size(max = 256) @JsonPropertyDescription("KVM_CHECK_EXTENSION on the VM, by capability number.")
        Map<String, Long> capabilities,

        @Size(max = 192)
        @JsonPropertyDescription("Nonzero masks of KVM_ARM_GET_REG_WRITABLE_MASKS by KVM one-reg id, hexadecimal."
                + " Absent where the kernel has none.")
        Map<String, @Pattern(Hex.VALUE) String> writableMasks,

        @Size(max = 1024)
        @JsonPropertyDescription("What KVM_SET_ONE_REG took on a vCPU that never ran, one change at a time, by KVM"
                + " one-reg id. Absent where nobody tried.")
        Map<String, TakenRegisterSpec> taken,

        @Min(0)
        @Max(15)
        @JsonPropertyDescription("Least GICD_IIDR.Revision that a vGICv3 takes, from the host's own downwards. Absent"
                + " where nobody tried.")
        Integer leastVgicRevision) {

    /** The form in which {@code profile} is stored. */
    public static ABIProfileSpec fromHostProfile(HostProfile profile) {
        Map<String, Long> capabilities = new TreeMap<>();
        profile.capabilities().forEach((number, value) -> capabilities.put(Integer.toString(number), value));
        Map<String, String> masks = new TreeMap<>();
        profile.writableMasks().forEach((id, mask) -> masks.put(id.hex(), Hex.of(mask)));
        Map<String, TakenRegisterSpec> taken = null;
        if (profile.taken().measured()) {
            taken = new TreeMap<>();
            for (Map.Entry<RegisterId, TakenRegister> entry :
                    profile.taken().registers().entrySet()) {
                taken.put(entry.getKey().hex(), TakenRegisterSpec.of(entry.getValue()));
            }
        }
        return new ABIProfileSpec(
                GuestABISpec.fromGuestAbi(profile.defaultGuestAbi()),
                profile.ipaLimitBits() == 0 ? null : profile.ipaLimitBits(),
                capabilities,
                masks,
                taken,
                profile.taken().leastVgicRevision().isEmpty()
                        ? null
                        : profile.taken().leastVgicRevision().getAsInt());
    }

    /**
     * The host profile that is stored here.
     *
     * @throws IllegalArgumentException naming field and value, if anything is missing or malformed
     */
    public HostProfile toHostProfile() {
        if (guestAbi == null) {
            throw new IllegalArgumentException("guestAbi: is missing");
        }
        Map<Integer, Long> caps = new TreeMap<>();
        if (capabilities != null) {
            capabilities.forEach((number, value) -> caps.put(capabilityNumber(number), capabilityValue(number, value)));
        }
        Map<RegisterId, Long> masks = new TreeMap<>();
        if (writableMasks != null) {
            writableMasks.forEach((id, mask) ->
                    masks.put(Hex.registerId("writableMasks", id), Hex.value("writableMasks." + id, mask)));
        }
        return new HostProfile(
                guestAbi.toGuestAbi(), takenByKernel(), caps, ipaLimitBits == null ? 0 : ipaLimitBits, masks);
    }

    private Taken takenByKernel() {
        if (taken == null || taken.isEmpty()) {
            return Taken.UNMEASURED;
        }
        Map<RegisterId, TakenRegister> registers = new TreeMap<>();
        taken.forEach((id, spec) -> {
            if (spec == null) {
                throw new IllegalArgumentException("taken." + id + ": is null");
            }
            registers.put(Hex.registerId("taken", id), spec.toTakenRegister("taken." + id));
        });
        return Taken.measured(
                registers, leastVgicRevision == null ? OptionalInt.empty() : OptionalInt.of(leastVgicRevision));
    }

    private static int capabilityNumber(String text) {
        try {
            return Integer.parseUnsignedInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("capabilities: \"" + text + "\" is not a capability number", e);
        }
    }

    private static long capabilityValue(String number, Long value) {
        if (value == null) {
            throw new IllegalArgumentException("capabilities." + number + ": is null");
        }
        return value;
    }
}
