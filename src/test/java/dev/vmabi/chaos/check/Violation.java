package dev.vmabi.chaos.check;

import java.time.Instant;

/** A rule that was broken, when, and by what object. */
public record Violation(Instant at, String object, String what) {
    @Override
    public String toString() {
        return at + " " + object + " " + what;
    }
}
