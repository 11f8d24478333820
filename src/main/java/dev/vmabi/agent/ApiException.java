package dev.vmabi.agent;

import java.io.IOException;

/** The API server answered with an error, or not at all. */
final class ApiException extends IOException {
    private static final long serialVersionUID = 1L;

    private final int status;

    ApiException(int status, String message) {
        super(message);
        this.status = status;
    }

    /** HTTP status. */
    int status() {
        return status;
    }
}
