package dev.vmabi.abi;

import java.util.List;

/** Whether a host accepts a guest ABI. */
public sealed interface Verdict {

    boolean accepted();

    /** Whether the host's kernel was measured; otherwise the catalogue's policies decided, on the safe side. */
    boolean measured();

    /** Accepted, and the way back stays open. */
    record Accepted(boolean measured) implements Verdict {
        @Override
        public boolean accepted() {
            return true;
        }
    }

    /**
     * Accepted, but what the guest gains by landing here the host it left would refuse now.
     *
     * @param additions what the landing adds
     * @param wayBack why the host it left refuses now
     */
    record OneWay(List<Addition> additions, List<Refusal> wayBack, boolean measured) implements Verdict {
        @Override
        public boolean accepted() {
            return true;
        }
    }

    /** Refused, for every one of these reasons; at least one. */
    record Refused(List<Refusal> refusals, boolean measured) implements Verdict {
        public Refused {
            if (refusals.isEmpty()) {
                throw new IllegalArgumentException("a refusal needs a reason");
            }
            refusals = List.copyOf(refusals);
        }

        @Override
        public boolean accepted() {
            return false;
        }
    }
}
