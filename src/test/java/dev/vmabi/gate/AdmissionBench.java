package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.RecentDecisions;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * What a pod pays for the gate: round trips over HTTPS to it, with 5,000 nodes and 50,000 VMs in memory, beside round
 * trips to a handler in the same process that reads the review's uid and allows at once. The two take turns, so that
 * whatever else the machine does meets both.
 */
public final class AdmissionBench {
    private static final int NODES = 5_000;
    private static final int VMS = 50_000;
    private static final int CALLERS = 4;
    private static final int ROUNDS = 12;
    private static final int CALLS = 1_000;
    private static final List<String> HOSTS = List.of("127.0.0.1");

    private AdmissionBench() {}

    public static void main(String[] args) throws Exception {
        Fleet fleet = fleet();
        IssuedCertificate certificate = IssuedCertificate.first(HOSTS, Instant.now());
        ServingKeys keys = new ServingKeys();
        keys.use(List.of(certificate.certificate()), certificate.key());
        Admissions admissions =
                new Admissions(() -> Optional.of(fleet), new SimpleMeterRegistry(), new RecentDecisions());
        AdmissionServer.Reviewer reviews =
                new TracedReviews(OpenTelemetry.noop().getTracer("vmabi"), admissions::answer);
        try (AdmissionServer gate = new AdmissionServer(0, keys, reviews);
                AdmissionServer allow = new AdmissionServer(0, keys, AdmissionBench::allow);
                Https toGate = new Https(certificate.authorities(), gate.port());
                Https toAllow = new Https(certificate.authorities(), allow.port())) {
            System.out.printf(
                    Locale.ROOT,
                    "%d nodes, %d VMs, %d callers, %d calls each way%n%-20s %10s %10s %10s %12s %8s%n",
                    NODES,
                    VMS,
                    CALLERS,
                    ROUNDS * CALLS,
                    "review",
                    "p50 us",
                    "p99 us",
                    "allow p99",
                    "calls/s",
                    "ratio");
            for (String fixture : List.of("pod-target", "pod-first-boot", "migration-virtctl")) {
                measure(fixture, toGate, toAllow);
            }
        }
    }

    private static void measure(String fixture, Https toGate, Https toAllow) throws Exception {
        byte[] body = fixture(fixture);
        String path = (fixture.startsWith("pod") ? Hook.POD : Hook.MIGRATION).path();
        List<Long> gate = new ArrayList<>();
        List<Long> allow = new ArrayList<>();
        long nanos = 0;
        for (int round = -3; round < ROUNDS; round++) {
            long start = System.nanoTime();
            List<Long> gated = calls(toGate, path, body);
            long took = System.nanoTime() - start;
            List<Long> allowed = calls(toAllow, path, body);
            if (round >= 0) {
                nanos += took;
                gate.addAll(gated);
                allow.addAll(allowed);
            }
        }
        long p99 = percentile(gate, 99);
        long p99Allow = percentile(allow, 99);
        System.out.printf(
                Locale.ROOT,
                "%-20s %10d %10d %10d %12.0f %8.2f%n",
                fixture,
                percentile(gate, 50),
                p99,
                p99Allow,
                gate.size() * 1e9 / nanos,
                (double) p99 / p99Allow);
    }

    /** Microseconds of each call. */
    private static List<Long> calls(Https https, String path, byte[] body) throws Exception {
        List<Long> times = new ArrayList<>();
        try (ExecutorService callers = Executors.newFixedThreadPool(CALLERS)) {
            List<Future<long[]>> futures = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                futures.add(callers.submit(() -> {
                    long[] took = new long[CALLS / CALLERS];
                    for (int j = 0; j < took.length; j++) {
                        long start = System.nanoTime();
                        if (https.post(path, body).statusCode() != 200) {
                            throw new IllegalStateException("a review was not answered");
                        }
                        took[j] = (System.nanoTime() - start) / 1_000;
                    }
                    return took;
                }));
            }
            for (Future<long[]> future : futures) {
                Arrays.stream(future.get()).forEach(times::add);
            }
        }
        return times;
    }

    private static byte[] allow(Hook hook, byte[] body) throws Reviews.Malformed {
        JsonNode request = Reviews.request(body);
        return Reviews.answer(
                request.path("uid").asText(),
                Decision.Allow.untouched(Reason.NotAVm),
                JsonNodeFactory.instance.arrayNode());
    }

    private static long percentile(List<Long> times, int percent) {
        return times.stream()
                .sorted()
                .skip((long) times.size() * percent / 100)
                .findFirst()
                .orElseThrow();
    }

    private static Fleet fleet() {
        TestFleet fleet = TestFleet.rolling();
        for (int i = 0; i < NODES; i++) {
            fleet.node("node-" + i, i % 10 == 0 ? "b" : "a", i % 3 == 0 ? TestFleet.N : "linux-6.1-cortex-a57");
        }
        for (int i = 0; i < VMS; i++) {
            fleet.vm("vm-" + i, "node-" + i % NODES, i % 3 == 0 ? TestFleet.N : TestFleet.N1);
        }
        return fleet.build();
    }

    private static byte[] fixture(String name) throws IOException {
        try (InputStream in = AdmissionBench.class.getResourceAsStream("/gate/" + name + ".json")) {
            return in.readAllBytes();
        }
    }
}
