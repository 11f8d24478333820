package dev.vmabi.architecture.broken.stray;

/** Breaks the rule that every package is in the design. */
public final class Stray {
    private Stray() {}
}
