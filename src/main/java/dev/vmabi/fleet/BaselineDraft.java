package dev.vmabi.fleet;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.Minimum;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.api.VirtualMachineABIStatus.Change;
import dev.vmabi.api.VirtualMachineABIStatus.Pin;
import dev.vmabi.api.VirtualMachineABIStatus.Previous;
import dev.vmabi.fleet.FleetEvent.Reason;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A policy's baseline as it is about to be written: begins with what the status says, and records each change of it. */
final class BaselineDraft {
    private static final int MOST_HISTORY = 10;
    private static final int MOST_FEATURES = 200;

    private final Fleet fleet;
    private final Instant now;
    private final Map<Digest, GuestAbi> guestAbis = new HashMap<>();
    private final List<FleetEvent> events = new ArrayList<>();
    private final List<Change> history;
    private Optional<Pin> pin;
    private Optional<Previous> previous;
    private Optional<String> loweredTo;
    private Optional<Finding> lowered = Optional.empty();
    private Instant next = Instant.MAX;

    /** @param status null before the first decision */
    BaselineDraft(Fleet fleet, VirtualMachineABIStatus status, Instant now) {
        this.fleet = fleet;
        this.now = now;
        Optional<VirtualMachineABIStatus> before = Optional.ofNullable(status);
        history = new ArrayList<>(before.map(VirtualMachineABIStatus::history).orElse(List.of()));
        pin = before.map(VirtualMachineABIStatus::baseline);
        previous = before.map(VirtualMachineABIStatus::previous);
        loweredTo = before.map(VirtualMachineABIStatus::loweredTo);
        pin.ifPresent(p -> keep(p.digest()));
        previous.ifPresent(p -> keep(p.digest()));
    }

    Optional<Pin> pin() {
        return pin;
    }

    /** The baseline before the last raise, until that is final. */
    Optional<Previous> previous() {
        return previous;
    }

    /** The {@code spec.baseline.lowerTo} that has been acted on. */
    Optional<String> loweredTo() {
        return loweredTo;
    }

    /** What became of the lowering that is asked for; empty where none is. */
    Optional<Finding> lowered() {
        return lowered;
    }

    List<Change> history() {
        return Collections.unmodifiableList(history);
    }

    List<FleetEvent> events() {
        return Collections.unmodifiableList(events);
    }

    /** Guest ABIs that must exist as objects, for agents to prove. */
    Map<Digest, GuestAbi> guestAbis() {
        return Collections.unmodifiableMap(guestAbis);
    }

    /** When time alone may change this. */
    Instant next() {
        return next;
    }

    void lookAgainAt(Instant instant) {
        next = instant.isBefore(next) ? instant : next;
    }

    void publish(GuestAbi abi) {
        guestAbis.put(abi.digest(), abi);
    }

    void lowered(Finding finding) {
        lowered = Optional.of(finding);
    }

    void loweredTo(Optional<String> digest) {
        loweredTo = digest;
    }

    /** Pins what some nodes have in common. */
    void pin(Minimum.Common common, String what, Reason event, String why) {
        pin(common.abi(), common.clamp().toString(), what, event, why);
    }

    private void pin(GuestAbi abi, String clamp, String what, Reason event, String why) {
        publish(abi);
        Pin to = new Pin(
                nextGeneration(),
                abi.digest().hex(),
                abi.digest().label(),
                clamp,
                abi.features().stream().limit(MOST_FEATURES).toList(),
                Conditions.time(now));
        pin = Optional.of(to);
        record(to, what, why);
        events.add(new FleetEvent(event, what + " generation " + to.generation() + " (" + to.label() + "): " + why));
    }

    /** After the last one, also where that could not be read. */
    private long nextGeneration() {
        return pin.map(Pin::generation)
                        .or(() -> history.stream().map(Change::generation).findFirst())
                        .orElse(0L)
                + 1;
    }

    /** Opens the way back to a baseline that was just raised. */
    void openWayBack(Pin to, Instant closes) {
        previous = Optional.of(new Previous(to.generation(), to.digest(), to.clamp(), Conditions.time(closes)));
        keep(to.digest());
        lookAgainAt(closes);
    }

    /** Goes back to the previous baseline, whose guest ABI is given. */
    void goBack(GuestAbi abi) {
        pin(
                abi,
                previous.orElseThrow().clamp(),
                "Returned",
                Reason.BaselineReturned,
                "the previous baseline was approved before the raise was final");
        closeWayBack();
    }

    /** The time of the way back is over. */
    void finalise() {
        Pin stands = pin.orElseThrow();
        long closed = previous.orElseThrow().generation();
        record(stands, "Finalised", "the way back to generation " + closed + " is closed");
        events.add(new FleetEvent(
                Reason.RaiseFinalised,
                "Generation " + stands.generation() + " is final; the way back to " + closed + " is closed"));
        closeWayBack();
    }

    void closeWayBack() {
        previous = Optional.empty();
    }

    private void keep(String digest) {
        fleet.guestAbi(Digest.parse(digest)).ifPresent(this::publish);
    }

    private void record(Pin of, String what, String why) {
        history.addFirst(new Change(Conditions.time(now), what, of.generation(), of.digest(), why));
        while (history.size() > MOST_HISTORY) {
            history.removeLast();
        }
    }
}
