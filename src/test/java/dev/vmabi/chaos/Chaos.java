package dev.vmabi.chaos;

import dev.vmabi.chaos.check.Violation;
import dev.vmabi.demo.Driver;
import dev.vmabi.devserver.ApiServers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/** {@code make chaos}: faults from a seed, one after another and overlapping, and what a checker outside sees of it. */
public final class Chaos {
    /** How much later than its schedule has it a fault still begins; those of one kind wait for one another. */
    private static final Duration MOST_LATE = Duration.ofSeconds(30);

    private static final int OBJECTS_A_MINUTE = 100;
    private static final int MOST_OBJECTS = 1_000;
    private static final Duration STAYS_RIGHT = Duration.ofSeconds(5);
    private static final Duration LAST = Duration.ofMinutes(3);
    private static final Duration BESIDES = Duration.ofMinutes(12);

    private final Rig rig;
    private final long seed;
    private final int seconds;
    private final Map<String, List<Instant>> injected = new TreeMap<>();

    private Chaos(Rig rig, long seed, int seconds) {
        this.rig = rig;
        this.seed = seed;
        this.seconds = seconds;
    }

    public static void main(String[] arguments) {
        int seconds = Integer.parseInt(arguments[0]);
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : new Random().nextInt(1_000_000);
        System.out.printf("seed %d, %d seconds (make chaos SECONDS=%d SEED=%d)%n", seed, seconds, seconds, seed);
        // Whatever way this ends, no process stays behind.
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly)));
        Driver.run("chaos", Duration.ofSeconds(seconds).plus(BESIDES), () -> {
            try (Rig rig = new Rig(ApiServers.start())) {
                new Chaos(rig, seed, seconds).run();
            }
            return null;
        });
    }

    private void run() {
        Churn churn = new Churn(rig, seed + 1);
        Faults faults = new Faults(rig, churn, Math.min(MOST_OBJECTS, seconds * OBJECTS_A_MINUTE / 60));
        faults.impossible().forEach(f -> System.out.println("not possible here: " + f));
        Schedule schedule = Schedule.of(faults.possible(), seconds, seed);
        Thread going = Thread.ofPlatform().name("churn").start(churn);
        Map<String, Object> locks = new TreeMap<>();
        AtomicInteger leftOut = new AtomicInteger();
        List<Thread> running = new ArrayList<>();
        Instant start = Instant.now();
        for (Schedule.Injection injection : schedule.injections()) {
            Duration wait = Duration.between(Instant.now(), start.plusSeconds(injection.at()));
            if (wait.isPositive()) {
                Rig.pause(wait);
            }
            Object lock = locks.computeIfAbsent(injection.fault().group(), g -> new Object());
            running.add(Thread.ofPlatform().name(injection.fault().name()).start(() -> {
                synchronized (lock) {
                    Duration late = Duration.between(start.plusSeconds(injection.at()), Instant.now());
                    if (late.compareTo(MOST_LATE) > 0) {
                        leftOut.incrementAndGet();
                    } else {
                        inject(injection);
                    }
                }
            }));
        }
        running.forEach(Chaos::join);
        churn.stop();
        join(going);
        boolean right = Rig.becomes(LAST, this::staysRight);
        new Table(rig.checker, injected, seed).print(System.out);
        System.out.println(
                leftOut + " faults were left out: others of their kind took longer than the schedule gives them");
        System.out.println(churn.told());
        System.out.println(faults.told());
        rig.replicas.forEach(r -> System.out.println(r.name() + " was started " + r.starts() + " times"));
        List<String> broken = new ArrayList<>(
                rig.checker.violations().stream().map(Violation::toString).toList());
        if (!right) {
            broken.add("not all was right " + LAST.toMinutes() + " minutes after the last fault");
            rig.checker.wrong().forEach(m -> broken.add(m.toString()));
        }
        if (!broken.isEmpty()) {
            throw new IllegalStateException("seed " + seed + ", " + broken.size() + " things broken; logs are in "
                    + keepLogs() + "\n" + String.join("\n", broken));
        }
    }

    private Path keepLogs() {
        Path kept = Path.of("target", "chaos");
        try (DirectoryStream<Path> logs = Files.newDirectoryStream(rig.server.directory(), "*.log")) {
            Files.createDirectories(kept);
            for (Path log : logs) {
                Files.copy(log, kept.resolve(log.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
            return kept;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean staysRight() {
        for (Instant end = Instant.now().plus(STAYS_RIGHT); Instant.now().isBefore(end); ) {
            if (!rig.checker.wrong().isEmpty() || !rig.checker.recovered()) {
                return false;
            }
            Rig.pause(Duration.ofMillis(100));
        }
        return true;
    }

    private void inject(Schedule.Injection injection) {
        Fault fault = injection.fault();
        Random random = new Random(injection.seed());
        System.out.printf("%tT %s%n", System.currentTimeMillis(), fault.name());
        synchronized (injected) {
            injected.computeIfAbsent(fault.name(), f -> new ArrayList<>()).add(Instant.now());
        }
        if (fault.blocks()) {
            rig.checker.blocked(fault.name());
        }
        try {
            persist(() -> fault.begin().act(random));
            Rig.pause(Duration.ofSeconds(fault.seconds()));
        } finally {
            persist(() -> fault.end().act(random));
            rig.checker.ended(fault.name());
        }
    }

    /** What injects a fault or ends it may itself be hit by another one. */
    private static void persist(Persistent act) {
        for (int tries = 0; ; tries++) {
            try {
                act.run();
                return;
            } catch (Exception e) {
                if (tries == 30) {
                    throw new IllegalStateException("a fault could not be injected or ended: " + e, e);
                }
                Rig.pause(Duration.ofSeconds(1));
            }
        }
    }

    @FunctionalInterface
    private interface Persistent {
        void run() throws Exception;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
