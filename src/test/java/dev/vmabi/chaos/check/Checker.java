package dev.vmabi.chaos.check;

import dev.vmabi.abi.HostProfile;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Looks at the cluster from outside and holds it against the rules of the pin. It knows of the operator no more than the
 * objects show, and shares no code with it but the algebra and the objects' shape.
 *
 * <p>A rule on how things change is broken at once. What must be so is allowed to be otherwise for {@link #GRACE} of
 * time in which the operator could have mended it, and a little longer where much is wrong at once: not counted is time under a fault that keeps it from writing, or in
 * which nobody renews the lease.
 */
public final class Checker implements AutoCloseable {
    /** A write that failed is tried again at most 15 s later. */
    public static final Duration GRACE = Duration.ofSeconds(16);

    private static final Duration LOOK = Duration.ofMillis(200);
    private final List<Violation> violations = new CopyOnWriteArrayList<>();
    private final Set<String> blocking = ConcurrentHashMap.newKeySet();
    private final Expected expected = new Expected();
    private final Guests guests = new Guests(this::violated);
    private final Pins pins = new Pins(this::violated);
    private final Writers writers = new Writers(this::violated);
    private final LedTime led = new LedTime();
    private final Duration grace;
    private final Consumer<Violation> told;
    private final Patience patience;
    private final Recoveries recoveries = new Recoveries();
    private final World world;
    private final GateLook gate;
    private final ScheduledExecutorService looker = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("checker").daemon().factory());
    private volatile List<Mismatch> wrong = List.of();

    /** @param told each violation as it is found */
    public Checker(KubernetesClient client, Consumer<Violation> told) {
        this(client, GRACE, told);
    }

    Checker(KubernetesClient client, Duration grace, Consumer<Violation> told) {
        this.grace = grace;
        this.told = told;
        patience = new Patience(grace);
        world = new World(client);
        world.start(vm -> guests.saw(vm, world.picture()), policy -> pins.saw(policy, world.picture(), Instant.now()));
        gate = new GateLook(client, world::picture, this::violated);
        Future<?> _ =
                looker.scheduleWithFixedDelay(this::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            if (!world.complete()) {
                return;
            }
            Instant now = Instant.now();
            Picture picture = world.picture();
            pins.saw(picture, now);
            picture.vms().values().forEach(vm -> guests.saw(vm, picture));
            guests.retain(picture.vms().values().stream().map(Picture.Vm::uid).collect(Collectors.toSet()));
            List<Mismatch> found = new ArrayList<>(expected.mismatches(picture, guests));
            gate.wrong().ifPresent(found::add);
            Duration counts = led.look(now, world.renewed(), !blocking.isEmpty());
            patience.look(found, now, counts)
                    .forEach(m -> violated(m.object(), m.what() + ", " + tooLong(patience.since(m))));
            recoveries.look(now, blocking.isEmpty() ? world.renewed() : Instant.MIN, patience.oldest());
            wrong = List.copyOf(found);
        } catch (RuntimeException e) {
            violated("checker", "cannot look: " + e);
        }
    }

    private String tooLong(Instant since) {
        return "for too long (" + grace.toSeconds() + " s and more that it could be mended in): since " + since
                + "; it could be from " + String.join(", ", led.spans(since));
    }

    private void violated(String object, String what) {
        Violation violation = new Violation(Instant.now(), object, what);
        violations.add(violation);
        told.accept(violation);
    }

    /** A fault begins that keeps the operator from writing or from seeing. */
    public void blocked(String fault) {
        blocking.add(fault);
    }

    /** A fault is over; from now on it is measured how long it takes until all is right. */
    public void ended(String fault) {
        blocking.remove(fault);
        recoveries.ended(fault, Instant.now());
    }

    /** A pod into which a running guest is to move was let in. */
    public void admitted(Pod pod) {
        guests.admitted(pod);
    }

    /** Whether a node whose kernel is really so would take the guest of that VM. */
    public boolean taken(String uid, HostProfile kernel) {
        return guests.taken(uid, kernel);
    }

    /** Whether the VM was seen on that node and is followed from there. */
    public boolean follows(String uid, String node) {
        return guests.follows(uid, node);
    }

    public Writers writers() {
        return writers;
    }

    /** What is not as it must be now. */
    public List<Mismatch> wrong() {
        return wrong;
    }

    public List<Violation> violations() {
        return List.copyOf(violations);
    }

    /** By fault, how long it took until all was right again after each. */
    public Map<String, List<Duration>> recoveries() {
        return recoveries.times();
    }

    public boolean recovered() {
        return recoveries.allDone();
    }

    /** For everything that was wrong for a while, how long of the time in which it could be mended. */
    public List<Duration> mended() {
        return patience.mended();
    }

    @Override
    public void close() {
        looker.shutdownNow();
        gate.close();
        world.close();
    }
}
