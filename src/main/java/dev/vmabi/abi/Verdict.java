package dev.vmabi.abi;

import java.util.List;
import java.util.function.Supplier;

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

    /** Accepted, but what the guest gains by landing here the host it left would refuse now. Explains itself when asked. */
    final class OneWay implements Verdict {
        private final GuestAbi before;
        private final GuestAbi landed;
        private final Supplier<List<Refusal>> wayBack;
        private final boolean measured;

        OneWay(GuestAbi before, GuestAbi landed, Supplier<List<Refusal>> wayBack, boolean measured) {
            this.before = before;
            this.landed = landed;
            this.wayBack = wayBack;
            this.measured = measured;
        }

        /** What the landing adds. */
        public List<Addition> additions() {
            return Addition.between(before, landed);
        }

        /** Why the host it left refuses now. */
        public List<Refusal> wayBack() {
            return wayBack.get();
        }

        @Override
        public boolean accepted() {
            return true;
        }

        @Override
        public boolean measured() {
            return measured;
        }
    }

    /** Refused, for at least one reason. Explains itself when asked. */
    final class Refused implements Verdict {
        private final Supplier<List<Refusal>> refusals;
        private final boolean measured;

        Refused(Supplier<List<Refusal>> refusals, boolean measured) {
            this.refusals = refusals;
            this.measured = measured;
        }

        /** Every reason; worked out anew at each call. */
        public List<Refusal> refusals() {
            return refusals.get();
        }

        @Override
        public boolean accepted() {
            return false;
        }

        @Override
        public boolean measured() {
            return measured;
        }
    }
}
