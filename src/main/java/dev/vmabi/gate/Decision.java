package dev.vmabi.gate;

import dev.vmabi.fleet.Imposition;
import java.util.List;

/** What becomes of a request. */
public sealed interface Decision {

    Reason reason();

    /** What the requester is told beside the answer, one line each. */
    List<String> warnings();

    /** Let through as it is. */
    record Allow(Reason reason, List<String> warnings) implements Decision {
        public Allow {
            warnings = List.copyOf(warnings);
        }

        static Allow untouched(Reason reason) {
            return new Allow(reason, List.of());
        }
    }

    /** Let through, and narrowed. */
    record Steer(Reason reason, Steering steering, List<String> warnings) implements Decision {
        public Steer {
            warnings = List.copyOf(warnings);
        }
    }

    /** Let through, with something for its VMM to leave out. */
    record Impose(Reason reason, Imposition imposition) implements Decision {
        @Override
        public List<String> warnings() {
            return List.of();
        }
    }

    /** Refused. */
    record Deny(Reason reason, String message) implements Decision {
        @Override
        public List<String> warnings() {
            return List.of();
        }
    }

    /** Let through as it is because the policy only audits; {@code withheld} is what it would have been. */
    record Audited(String policy, Decision withheld) implements Decision {
        @Override
        public Reason reason() {
            return withheld.reason();
        }

        @Override
        public List<String> warnings() {
            String would = switch (withheld) {
                case Deny deny -> "would be denied: " + deny.message();
                case Steer steer -> "would be " + steer.steering().text();
                case Impose impose -> "would be " + impose.imposition().text();
                default -> "";
            };
            return would.isEmpty() ? List.of() : List.of("policy " + policy + " audits; " + would);
        }
    }
}
