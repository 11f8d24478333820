package dev.vmabi.abi;

import java.util.SortedSet;

/** One reason why a host refuses a guest ABI. */
public sealed interface Refusal {

    /** Name of the register, or of the property where no register is at fault. */
    String register();

    /** Name of the field; empty for the whole register. */
    String field();

    /** What the guest has. */
    String wanted();

    /** What the host would take at most, or what it has. */
    String offered();

    /** {@code FEAT_*} and hypercalls the guest would have to give up. */
    SortedSet<String> lostFeatures();

    /** Whether a newer kernel or VMM would cure it, and which. */
    String cure();

    /** One line for people. */
    default String message() {
        String where = field().isEmpty() ? register() : register() + "." + field();
        String loses = lostFeatures().isEmpty() ? "" : " (guest would lose " + String.join(", ", lostFeatures()) + ")";
        return where + ": " + reason() + ": guest has " + wanted() + ", host " + offered() + loses;
    }

    /** The kind of refusal in a few words. */
    String reason();

    /** A register of the guest that the host's kernel does not have. */
    record RegisterMissing(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "register missing on the host";
        }
    }

    /** A value beyond what this host can show. */
    record ValueAbove(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "value above the host's";
        }
    }

    /** A field that this kernel does not let anybody change. */
    record FieldFixed(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "field fixed on this kernel";
        }
    }

    /** A hypercall bitmap bit that the kernel does not know. */
    record BitmapBitUnknown(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "bitmap bit unknown";
        }
    }

    /** SVE vector lengths that are not the host's set cut off at some maximum. */
    record VectorLengthMissing(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "SVE vector lengths differ";
        }
    }

    /** A register list that the VMM does not tolerate. */
    record RegisterList(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "register list not tolerated by the VMM";
        }
    }

    /** MIDR_EL1, REVIDR_EL1 or AIDR_EL1 differ. */
    record ImplementationIdDiffers(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "implementation ID differs";
        }
    }

    /** A vCPU feature that the host cannot give. */
    record VcpuFeatureMissing(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "vCPU feature missing on the host";
        }
    }

    /** A vGIC revision above the host's. */
    record VgicRevisionAbove(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "vGIC revision above the host's";
        }
    }

    /** A clamp that this host cannot honour, so that the VMM does not even start. */
    record ClampNotHonoured(
            String register, String field, String wanted, String offered, SortedSet<String> lostFeatures, String cure)
            implements Refusal {
        @Override
        public String reason() {
            return "clamp not honoured by the host";
        }
    }
}
