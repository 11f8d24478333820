package dev.vmabi.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.api.Rubbish;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.RecentDecisions;
import io.fabric8.zjsonpatch.JsonPatch;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Whatever is sent is answered by an AdmissionReview whose patch applies, or is no review. Runs from a new seed each
 * time; a failure names its seed, which {@code -Dvmabi.seed=<seed>} runs again.
 */
class FuzzedReviewsTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ROUNDS = 20_000;
    private static final List<Hook> HOOKS = List.of(Hook.values());
    private static final List<String> FIXTURES = List.of(
            "migration-evacuation",
            "migration-person",
            "migration-virtctl",
            "migration-sent-away",
            "instance",
            "policy",
            "pod-first-boot",
            "pod-target",
            "pod-target-nowhere",
            "pod-opt-in",
            "pod-hotplug");

    private final Fleet fleet =
            TestFleet.rolling(t -> t.clamp("psci=1.1,sve=off,pauth=off")).build();
    private final Admissions admissions =
            new Admissions(() -> Optional.of(fleet), new SimpleMeterRegistry(), new RecentDecisions());

    @Test
    void treesOfWrongTypes() throws Exception {
        long seed = seed();
        int answered = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Random random = new Random(seed + round);
            String fixture = FIXTURES.get(random.nextInt(FIXTURES.size()));
            JsonNode review = JSON.readTree(fixture(fixture));
            for (int i = random.nextInt(6); i >= 0; i--) {
                Rubbish.into(review, random);
            }
            answered += answer(HOOKS.get(random.nextInt(HOOKS.size())), review, seed + round) ? 1 : 0;
        }
        assertThat(answered).as("most of them are still reviews").isGreaterThan(ROUNDS / 2);
    }

    @Test
    void bytesOfGarbage() throws Exception {
        long seed = seed();
        for (int round = 0; round < ROUNDS; round++) {
            Random random = new Random(seed + round);
            byte[] body = fixture(FIXTURES.get(random.nextInt(FIXTURES.size())));
            for (int i = random.nextInt(20); i >= 0; i--) {
                body[random.nextInt(body.length)] = (byte) random.nextInt(256);
            }
            try {
                byte[] _ = admissions.answer(Hook.POD, body);
            } catch (Reviews.Malformed e) {
                assertThat(e).hasMessageNotContaining("\n");
            } catch (RuntimeException e) {
                fail("-Dvmabi.seed=" + (seed + round), e);
            }
        }
    }

    private boolean answer(Hook hook, JsonNode review, long seed) throws Exception {
        try {
            JsonNode response = JSON.readTree(admissions.answer(hook, JSON.writeValueAsBytes(review)))
                    .path("response");
            assertThat(response.path("uid")).isEqualTo(review.path("request").path("uid"));
            assertThat(response.path("allowed").isBoolean()).isTrue();
            if (response.has("patch")) {
                JsonNode object = review.path("request").path("object");
                JsonNode patched =
                        JsonPatch.apply(JSON.readTree(response.path("patch").binaryValue()), object);
                assertThat(patched).isNotEqualTo(object);
            }
            return true;
        } catch (Reviews.Malformed e) {
            return false;
        } catch (RuntimeException | AssertionError e) {
            return fail("-Dvmabi.seed=" + seed + ": " + review, e);
        }
    }

    private static byte[] fixture(String name) throws IOException {
        try (InputStream in = FuzzedReviewsTest.class.getResourceAsStream("/gate/" + name + ".json")) {
            return in.readAllBytes();
        }
    }

    private static long seed() {
        return Long.getLong("vmabi.seed", System.nanoTime());
    }
}
