package dev.vmabi.gate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.RecentDecisions;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import java.io.IOException;
import java.io.InputStream;
import java.security.cert.X509Certificate;
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
    private static final int WARM_UP = 40;
    private static final int ROUNDS = 40;
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
                Callers toGate = new Callers(certificate.authorities(), gate.port());
                Callers toAllow = new Callers(certificate.authorities(), allow.port())) {
            System.out.printf(
                    Locale.ROOT,
                    "%d nodes, %d VMs, %d callers, %d calls each way%n%-20s %10s %10s %10s %10s %12s %8s%n",
                    NODES,
                    VMS,
                    CALLERS,
                    ROUNDS * CALLS,
                    "review",
                    "p50 us",
                    "p99 us",
                    "allow p50",
                    "allow p99",
                    "calls/s",
                    "ratio");
            for (String fixture : List.of("pod-target", "pod-first-boot", "migration-virtctl")) {
                measure(fixture, toGate, toAllow);
            }
        }
    }

    private static void measure(String fixture, Callers toGate, Callers toAllow) throws Exception {
        byte[] body = fixture(fixture);
        String path = (fixture.startsWith("pod") ? Hook.POD : Hook.MIGRATION).path();
        List<Long> gate = new ArrayList<>();
        List<Long> allow = new ArrayList<>();
        long nanos = 0;
        for (int round = -WARM_UP; round < ROUNDS; round++) {
            long start = System.nanoTime();
            List<Long> gated = toGate.post(path, body);
            long took = System.nanoTime() - start;
            List<Long> allowed = toAllow.post(path, body);
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
                "%-20s %10d %10d %10d %10d %12.0f %8.2f%n",
                fixture,
                percentile(gate, 50),
                p99,
                percentile(allow, 50),
                p99Allow,
                gate.size() * 1e9 / nanos,
                (double) p99 / p99Allow);
    }

    /** Connections of their own to one server, used all at once. */
    private static final class Callers implements AutoCloseable {
        private final ExecutorService threads = Executors.newFixedThreadPool(CALLERS);
        private final List<Caller> callers = new ArrayList<>();

        Callers(List<X509Certificate> authorities, int port) throws IOException {
            for (int i = 0; i < CALLERS; i++) {
                callers.add(new Caller(authorities, port));
            }
        }

        /** Microseconds of each call. */
        List<Long> post(String path, byte[] body) throws Exception {
            List<Future<long[]>> futures = new ArrayList<>();
            for (Caller caller : callers) {
                futures.add(threads.submit(() -> {
                    long[] took = new long[CALLS / CALLERS];
                    for (int i = 0; i < took.length; i++) {
                        long start = System.nanoTime();
                        caller.post(path, body);
                        took[i] = (System.nanoTime() - start) / 1_000;
                    }
                    return took;
                }));
            }
            List<Long> times = new ArrayList<>();
            for (Future<long[]> future : futures) {
                Arrays.stream(future.get()).forEach(times::add);
            }
            return times;
        }

        @Override
        public void close() throws IOException {
            threads.close();
            for (Caller caller : callers) {
                caller.close();
            }
        }
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
