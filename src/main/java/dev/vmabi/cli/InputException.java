package dev.vmabi.cli;

/** Input that cannot be used; the message names file, key and value, and what to do. */
public final class InputException extends RuntimeException {
    public InputException(String message) {
        super(message);
    }

    public InputException(String message, Throwable cause) {
        super(message, cause);
    }
}
