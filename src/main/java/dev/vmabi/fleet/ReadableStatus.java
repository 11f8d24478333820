package dev.vmabi.fleet;

import dev.vmabi.abi.Clamp;
import dev.vmabi.abi.Digest;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Candidate;
import dev.vmabi.api.VirtualMachineABIStatus.FenceState;
import dev.vmabi.api.VirtualMachineABIStatus.Lowering;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.Previous;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A policy's status as decisions can go on from it. The definition's schema keeps out most of what they cannot read; an older
 * schema did not, and a later version may write a clamp in words that this one does not know. What cannot be read is as if it
 * had not been written, and is decided anew; other policies go on.
 *
 * @param status null before the first decision
 * @param leftOut what could not be read, each with field and value
 */
public record ReadableStatus(VirtualMachineABIStatus status, List<String> leftOut) {

    /**
     * Reads a status.
     *
     * @param written null before the first decision
     */
    public static ReadableStatus of(VirtualMachineABIStatus written) {
        return written == null ? new ReadableStatus(null, List.of()) : new Reading(written).result();
    }

    private static final class Reading {
        private final VirtualMachineABIStatus written;
        private final List<String> leftOut = new ArrayList<>();

        Reading(VirtualMachineABIStatus written) {
            this.written = written;
        }

        ReadableStatus result() {
            Pin baseline = baseline();
            Candidate candidate = part("candidate", written.candidate(), c -> {
                digest(c.digest());
                clamp(c.clamp());
                time(c.provedAt());
            });
            Previous previous = previous();
            Lowering lowering = part("lowering", written.lowering(), l -> {
                digest(l.digest());
                clamp(l.clamp());
            });
            List<FenceState> fences = written.fences().stream()
                    .filter(f -> part("fences", f, Reading::fence) != null)
                    .toList();
            if (leftOut.isEmpty()) {
                return new ReadableStatus(written, List.of());
            }
            VirtualMachineABIStatus status = new VirtualMachineABIStatus(
                    written.observedGeneration(),
                    written.conditions(),
                    baseline,
                    candidate,
                    previous,
                    lowering,
                    written.loweredTo(),
                    written.nodes(),
                    written.fencedNodes(),
                    written.classes(),
                    written.holdsDown(),
                    written.imposition(),
                    fences,
                    written.virtualMachines(),
                    written.strandedVMs(),
                    written.unknownVMs(),
                    written.history());
            return new ReadableStatus(status, List.copyOf(leftOut));
        }

        /** It stays pinned although its clamp cannot be read: a pin changes by a decision alone. */
        private Pin baseline() {
            Pin pin = part("baseline", written.baseline(), p -> digest(p.digest()));
            if (pin == null || part("baseline.clamp", pin.clamp(), Reading::clamp) != null || pin.clamp() == null) {
                return pin;
            }
            return new Pin(pin.generation(), pin.digest(), pin.label(), null, pin.features(), pin.pinnedAt());
        }

        private Previous previous() {
            Previous way = part("previous", written.previous(), p -> {
                digest(p.digest());
                time(p.finalisedAt());
            });
            if (way == null || part("previous.clamp", way.clamp(), Reading::clamp) != null || way.clamp() == null) {
                return way;
            }
            return new Previous(way.generation(), way.digest(), null, way.finalisedAt());
        }

        /** Null if there is no such part or it cannot be read. */
        private <T> T part(String name, T value, Consumer<T> read) {
            if (value == null) {
                return null;
            }
            try {
                read.accept(value);
                return value;
            } catch (IllegalArgumentException | DateTimeException e) {
                leftOut.add("status." + name + ": " + e.getMessage());
                return null;
            }
        }

        private static void digest(String text) {
            if (text == null) {
                throw new IllegalArgumentException("digest is missing");
            }
            Digest _ = Digest.parse(text);
        }

        private static void clamp(String text) {
            if (text != null) {
                Clamp _ = Clamp.parse(text);
            }
        }

        private static void time(String text) {
            if (text != null) {
                Instant _ = Instant.parse(text);
            }
        }

        private static void fence(FenceState fence) {
            if (fence.fence() == null) {
                throw new IllegalArgumentException("fence is missing");
            }
        }
    }
}
