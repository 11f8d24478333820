package dev.vmabi.fleet;

import java.util.Optional;

/** Where the present fleet can be had; answers from memory. */
public interface FleetSource {

    /** The fleet as last read; empty until everything has been read once. */
    Optional<Fleet> fleet();
}
