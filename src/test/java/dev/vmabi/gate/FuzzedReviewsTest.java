package dev.vmabi.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ContainerNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.RecentDecisions;
import io.fabric8.zjsonpatch.JsonPatch;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
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
                mutate(random, review);
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

    /** Takes away, doubles or replaces some part of the tree. */
    private static void mutate(Random random, JsonNode review) {
        List<ContainerNode<?>> containers = new ArrayList<>();
        collect(review, containers);
        ContainerNode<?> container = containers.get(random.nextInt(containers.size()));
        if (container.isEmpty()) {
            return;
        }
        int which = random.nextInt(container.size());
        if (container instanceof ArrayNode array) {
            array.set(which, something(random));
        } else if (container instanceof ObjectNode object) {
            String name = object.propertyStream().toList().get(which).getKey();
            if (random.nextInt(3) == 0) {
                object.remove(name);
            } else {
                object.set(name, something(random));
            }
        }
    }

    private static void collect(JsonNode node, List<ContainerNode<?>> containers) {
        if (node instanceof ContainerNode<?> container) {
            containers.add(container);
            node.forEach(child -> collect(child, containers));
        }
    }

    private static JsonNode something(Random random) {
        JsonNodeFactory make = JsonNodeFactory.instance;
        return switch (random.nextInt(9)) {
            case 0 -> make.nullNode();
            case 1 -> make.numberNode(random.nextLong());
            case 2 -> make.booleanNode(random.nextBoolean());
            case 3 -> make.textNode("");
            case 4 -> make.textNode("vm-new");
            case 5 -> make.arrayNode().add(make.objectNode()).add(1).add("x");
            case 6 -> make.objectNode();
            case 7 -> make.objectNode().set("nodeSelector", make.arrayNode());
            default -> make.textNode("\u0000~/\\\"" + (char) random.nextInt(0xD800));
        };
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
