package dev.vmabi.gate;

import static dev.vmabi.gate.TestFleet.N;
import static dev.vmabi.gate.TestFleet.N1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.RecentDecisions;
import io.fabric8.zjsonpatch.JsonPatch;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** AdmissionReviews over real HTTPS. */
class AdmissionServerTest {
    private static final List<String> HOSTS = List.of("127.0.0.1", "vmabi-gate.vmabi-system.svc");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Fleet fleet = TestFleet.rolling().build();
    private final MeterRegistry meters = new SimpleMeterRegistry();
    private final ServingKeys keys = new ServingKeys();
    private final AtomicBoolean read = new AtomicBoolean(true);
    private IssuedCertificate certificate;
    private AdmissionServer server;
    private Https https;

    @BeforeEach
    void start() throws Exception {
        certificate = IssuedCertificate.first(HOSTS, Instant.now());
        keys.use(List.of(certificate.certificate()), certificate.key());
        server = new AdmissionServer(
                0,
                keys,
                new Admissions(() -> read.get() ? Optional.of(fleet) : Optional.empty(), meters, new RecentDecisions())
                        ::answer);
        https = new Https(certificate.authorities(), server.port());
    }

    @AfterEach
    void stop() {
        https.close();
        server.close();
    }

    @Test
    void beforeItEndsItHasCallersGoElsewhere() throws Exception {
        assertThat(https.post(Hook.POD.path(), fixture("pod-first-boot"))
                        .headers()
                        .firstValue("connection"))
                .isEmpty();
        Thread drain = Thread.ofVirtual().start(server::drain);
        Awaitility.await("an answer that ends its connection").until(() -> {
            HttpResponse<byte[]> answer = https.post(Hook.POD.path(), fixture("pod-first-boot"));
            assertThat(answer.statusCode()).isEqualTo(200);
            return answer.headers().firstValue("connection").equals(Optional.of("close"));
        });
        assertThat(drain.isAlive()).isTrue();
        assertThat(drain.join(Duration.ofSeconds(4)))
                .as("nobody calls any more")
                .isTrue();
    }

    private static byte[] fixture(String name) {
        try (InputStream in = AdmissionServerTest.class.getResourceAsStream("/gate/" + name + ".json")) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String path(String fixture) {
        return (fixture.startsWith("pod") ? Hook.POD : Hook.MIGRATION).path();
    }

    private JsonNode response(String name) throws Exception {
        HttpResponse<byte[]> answer = https.post(path(name), fixture(name));
        assertThat(answer.statusCode()).isEqualTo(200);
        JsonNode review = JSON.readTree(answer.body());
        assertThat(review.path("apiVersion").asText()).isEqualTo("admission.k8s.io/v1");
        assertThat(review.path("kind").asText()).isEqualTo("AdmissionReview");
        assertThat(review.path("response").path("uid").asText()).isEqualTo("705ab4f5-6393-11e8-b7cc-42010a800002");
        return review.path("response");
    }

    /** The object as the API server would have it after the answer. */
    private static JsonNode patched(String name, JsonNode response) throws IOException {
        JsonNode object = JSON.readTree(fixture(name)).path("request").path("object");
        assertThat(response.path("patchType").asText()).isEqualTo("JSONPatch");
        return JsonPatch.apply(
                JSON.readTree(Base64.getDecoder().decode(response.path("patch").asText())), object);
    }

    @ParameterizedTest
    @CsvSource({
        "migration-virtctl, addedNodeSelector, " + N,
        "migration-evacuation, addedNodeSelector, " + N1,
        "migration-workload-update, addedNodeSelector, " + N1,
        "pod-target, nodeSelector, " + N,
        "pod-first-boot, nodeSelector, " + N,
        "pod-opt-in, nodeSelector, " + N
    })
    void steers(String name, String selector, String guest) throws Exception {
        JsonNode response = response(name);
        assertThat(response.path("allowed").asBoolean()).isTrue();
        JsonNode before = JSON.readTree(fixture(name))
                .path("request")
                .path("object")
                .path("spec")
                .path(selector);
        JsonNode after = patched(name, response).path("spec").path(selector);
        assertThat(after).hasSize(before.size() + 1);
        assertThat(after.path(Names.nodeLabel(TestFleet.born(guest).digest())).asText())
                .isEqualTo("true");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "migration-person",
                "migration-person-v1alpha3",
                "migration-person-poses-as-evacuation",
                "pod-target-nowhere"
            })
    void denies(String name) throws Exception {
        JsonNode response = response(name);
        assertThat(response.path("allowed").asBoolean()).isFalse();
        assertThat(response.has("patch")).isFalse();
        JsonNode status = response.path("status");
        assertThat(status.path("code").asInt()).isEqualTo(403);
        assertThat(status.path("reason").asText()).isEqualTo("Forbidden");
        assertThat(status.has("details")).as("no retryAfterSeconds").isFalse();
        assertThat(status.path("message").asText()).startsWith("VM tenant-a/vm-new (guest ABI ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"pod-hotplug", "pod-volume-binder", "pod-amd64-target", "pod-no-vm", "migration-sent-away"})
    void leavesAlone(String name) throws Exception {
        JsonNode response = response(name);
        assertThat(response.path("allowed").asBoolean()).isTrue();
        assertThat(response.has("patch")).isFalse();
    }

    @Test
    void warnsInOneLineThatFits() throws Exception {
        assertThat(response("migration-evacuation").path("warnings"))
                .singleElement()
                .satisfies(w -> {
                    assertThat(w.asText())
                            .startsWith("it will wait: VM tenant-a/vm-new")
                            .doesNotContain("\n");
                    assertThat(w.asText().length()).isLessThanOrEqualTo(256);
                });
    }

    @Test
    void answersOtherOperationsWithoutADecision() throws Exception {
        byte[] update = new String(fixture("pod-target-nowhere"), StandardCharsets.UTF_8)
                .replace("\"CREATE\"", "\"UPDATE\"")
                .getBytes(StandardCharsets.UTF_8);
        JsonNode response =
                JSON.readTree(https.post(Hook.POD.path(), update).body()).path("response");
        assertThat(response.path("allowed").asBoolean()).isTrue();
        assertThat(response.has("patch")).isFalse();
    }

    @Test
    void leavesTheAnswerToTheFailurePolicyUntilTheFleetIsRead() throws Exception {
        read.set(false);
        HttpResponse<byte[]> answer = https.post(Hook.POD.path(), fixture("pod-target"));
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValue("Retry-After")).isEmpty();
    }

    @Test
    void counts() throws Exception {
        JsonNode _ = response("migration-person");
        JsonNode _ = response("pod-first-boot");
        JsonNode _ = response("pod-first-boot");
        assertThat(meters.get("vmabi.admissions")
                        .tags("hook", "pod", "verdict", "steer", "reason", "Baseline")
                        .counter()
                        .count())
                .isEqualTo(2);
        assertThat(meters.get("vmabi.admissions")
                        .tags("hook", "migration", "verdict", "deny", "reason", "Nowhere")
                        .counter()
                        .count())
                .isEqualTo(1);
        assertThat(meters.get("vmabi.admission.duration")
                        .tags("hook", "pod")
                        .timer()
                        .count())
                .isEqualTo(2);
    }

    static Stream<Arguments> noReviews() {
        String deep = "[".repeat(100_000) + "]".repeat(100_000);
        String pod =
                "{'apiVersion':'admission.k8s.io/v1','kind':'AdmissionReview','request':{'uid':'u','operation':'CREATE','object':%s}}"
                        .replace('\'', '"');
        return Stream.of(
                Arguments.of("", 400),
                Arguments.of("null", 400),
                Arguments.of("[]", 400),
                Arguments.of("{", 400),
                Arguments.of("{}", 400),
                Arguments.of("\u0000\u0001", 400),
                Arguments.of(pod.formatted("{}").replace("/v1\"", "/v1beta1\""), 400),
                Arguments.of(pod.formatted("{}").replace("\"u\"", "7"), 400),
                Arguments.of(pod.formatted(deep), 400),
                Arguments.of(pod.formatted("{\"metadata\":{\"labels\":" + deep + "}}"), 400),
                Arguments.of(pod.formatted("\"" + "x".repeat(AdmissionServer.MOST_BODY) + "\""), 413),
                Arguments.of(pod.formatted("\"" + "x".repeat(3 << 20) + "\""), 200),
                Arguments.of(
                        pod.formatted("{\"metadata\":{\"labels\":{" + "\"k\":{},".repeat(300_000) + "\"z\":1}}}"), 200),
                Arguments.of(pod.formatted("null"), 200),
                Arguments.of(pod.formatted("{\"metadata\":[],\"spec\":{\"nodeSelector\":7,\"affinity\":\"\"}}"), 200));
    }

    @ParameterizedTest
    @MethodSource("noReviews")
    void whatIsNoReviewIsRefusedAndHarmsNobody(String body, int code) throws Exception {
        for (Hook hook : Hook.values()) {
            assertThat(https.post(hook.path(), body.getBytes(StandardCharsets.UTF_8))
                            .statusCode())
                    .isEqualTo(code);
        }
        assertThat(response("pod-first-boot").path("allowed").asBoolean()).isTrue();
    }

    @Test
    void aBodyOfUnstatedLengthIsBoundedToo() throws Exception {
        byte[] chunk = "x".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
        List<byte[]> chunks = List.of(chunk, chunk, chunk, chunk, chunk);
        assertThat(https.send("POST", Hook.POD.path(), HttpRequest.BodyPublishers.ofByteArrays(chunks))
                        .statusCode())
                .isEqualTo(413);
        assertThat(https.send(
                                "POST",
                                Hook.POD.path(),
                                HttpRequest.BodyPublishers.ofByteArrays(List.of(fixture("pod-first-boot"))))
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void otherMethodsAndPathsAreRefused() throws Exception {
        HttpRequest.BodyPublisher none = HttpRequest.BodyPublishers.noBody();
        assertThat(https.send("GET", Hook.POD.path(), none).statusCode()).isEqualTo(405);
        assertThat(https.send("POST", "/mutate/pods/x", none).statusCode()).isEqualTo(404);
        assertThat(https.send("POST", "/", none).statusCode()).isEqualTo(404);
    }

    @ParameterizedTest
    @ValueSource(ints = {10_000, AdmissionServer.MOST_BODY})
    void slowSendersDelayNobody(int length) throws Exception {
        List<SSLSocket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 50; i++) {
                SSLSocket socket = (SSLSocket) Https.context(certificate.authorities())
                        .getSocketFactory()
                        .createSocket("127.0.0.1", server.port());
                slow.add(socket);
                socket.getOutputStream()
                        .write(("POST " + Hook.POD.path() + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + length
                                        + "\r\n\r\n{")
                                .getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().flush();
            }
            Instant start = Instant.now();
            for (int i = 0; i < 20; i++) {
                assertThat(response("pod-first-boot").path("allowed").asBoolean())
                        .isTrue();
            }
            assertThat(Duration.between(start, Instant.now()))
                    .as("the server gives a slow sender 30 s")
                    .isLessThan(Duration.ofSeconds(25));
        } finally {
            for (SSLSocket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void aFloodOfHugeReviewsIsBoundedInMemoryAndDelaysNobody() throws Exception {
        Admissions admissions = new Admissions(() -> Optional.of(fleet), meters, new RecentDecisions());
        AtomicLong held = new AtomicLong();
        AtomicLong most = new AtomicLong();
        AdmissionServer.Reviewer slow = (hook, body) -> {
            most.accumulateAndGet(held.addAndGet(body.length), Math::max);
            try {
                if (body.length > 1 << 20) {
                    Thread.sleep(100);
                }
                return admissions.answer(hook, body);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } finally {
                held.addAndGet(-body.length);
            }
        };
        byte[] huge = new String(fixture("pod-first-boot"), StandardCharsets.UTF_8)
                .replaceFirst("\"annotations\": *\\{", "\"annotations\":{\"huge\":\"" + "x".repeat(3 << 20) + "\",")
                .getBytes(StandardCharsets.UTF_8);
        assertThat(huge.length).isGreaterThan(3 << 20);
        try (AdmissionServer flooded = new AdmissionServer(0, keys, slow);
                Https caller = new Https(certificate.authorities(), flooded.port());
                ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> answers = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                answers.add(
                        callers.submit(() -> caller.post(Hook.POD.path(), huge).statusCode()));
            }
            Duration slowest = Duration.ZERO;
            while (!answers.stream().allMatch(Future::isDone)) {
                Instant start = Instant.now();
                assertThat(caller.post(Hook.POD.path(), fixture("pod-first-boot"))
                                .statusCode())
                        .isEqualTo(200);
                Duration took = Duration.between(start, Instant.now());
                slowest = took.compareTo(slowest) > 0 ? took : slowest;
            }
            assertThat(slowest).as("an API server waits 5 s").isLessThan(Duration.ofSeconds(5));
            for (Future<Integer> answer : answers) {
                assertThat(answer.get()).isIn(200, 503);
            }
        }
        assertThat(most.get()).isBetween((long) huge.length, 16L << 20);
    }

    @Test
    void theCertificateChangesUnderLoadWithoutAFailure() throws Exception {
        IssuedCertificate next = certificate.renewed(List.of("127.0.0.1"), Instant.now());
        assertThat(next.certificate().getSerialNumber())
                .isNotEqualTo(certificate.certificate().getSerialNumber());
        try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            AtomicBoolean done = new AtomicBoolean();
            List<Future<Integer>> answers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                answers.add(callers.submit(() -> {
                    int answered = 0;
                    while (!done.get()) {
                        try (Https caller = new Https(certificate.authorities(), server.port())) {
                            assertThat(caller.post(Hook.POD.path(), fixture("pod-target"))
                                            .statusCode())
                                    .isEqualTo(200);
                            answered++;
                        }
                    }
                    return answered;
                }));
            }
            Thread.sleep(200);
            keys.use(List.of(next.certificate()), next.key());
            Thread.sleep(200);
            done.set(true);
            for (Future<Integer> answer : answers) {
                assertThat(answer.get()).isPositive();
            }
        }
        assertThat(serial()).isEqualTo(next.certificate().getSerialNumber());
    }

    @Test
    void aCallerThatTrustsAnotherAuthorityIsNotServed() throws Exception {
        IssuedCertificate other = IssuedCertificate.first(HOSTS, Instant.now());
        try (Https stranger = new Https(other.authorities(), server.port())) {
            assertThatThrownBy(() -> stranger.post(Hook.POD.path(), fixture("pod-target")))
                    .isInstanceOf(SSLHandshakeException.class);
        }
    }

    private BigInteger serial() throws IOException {
        try (SSLSocket socket = (SSLSocket)
                Https.context(certificate.authorities()).getSocketFactory().createSocket("127.0.0.1", server.port())) {
            socket.startHandshake();
            return ((X509Certificate) socket.getSession().getPeerCertificates()[0]).getSerialNumber();
        }
    }
}
