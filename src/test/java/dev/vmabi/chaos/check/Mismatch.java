package dev.vmabi.chaos.check;

/**
 * Something that is not as it must be, now: allowed for as long as the operator needs to see and mend it, and no longer.
 *
 * @param object what it is about, as {@code Node a57-1}
 * @param what how it differs, in words that stay the same while it does
 */
public record Mismatch(String object, String what) {

    /** Whether it is an answer to content that is missing. Nothing goes by such answers: nodes, VMs and policies go first. */
    boolean ofContent() {
        return object.startsWith("GuestABI ") || object.startsWith("ABIProfile ");
    }

    @Override
    public String toString() {
        return object + " " + what;
    }
}
