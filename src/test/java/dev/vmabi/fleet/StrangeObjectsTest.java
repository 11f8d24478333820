package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Rubbish;
import dev.vmabi.fleet.FleetState.Node;
import dev.vmabi.fleet.FleetState.Policy;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * An object with rubbish in it stops no decision, neither of its own policy or node nor of others; and rubbish in the status of
 * one policy changes nothing for another. {@code -Dvmabi.seed=<seed>} runs other rubbish; a failure names its own.
 */
class StrangeObjectsTest {
    private static final int ROUNDS = 4_000;
    private static final long SEED = Long.getLong("vmabi.seed", 1);
    private static final Instant NOW = Instant.parse("2026-03-01T00:00:00Z");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final FleetState state = ExampleFleet.fleet().state();
    private final Fleet fleet = new Fleet(state, new Verdicts());

    @Test
    void ofAPoliciesStatusCostsNoOtherPolicyAnything() {
        Map<String, PolicyDecision> before = decisions(fleet);
        rounds(random -> {
            Policy victim = pick(state.policies(), random);
            Fleet now = with(victim, read(victim, JSON.valueToTree(victim.spec()), strange(victim.status(), random)));
            Map<String, PolicyDecision> after = decisions(now);
            for (Policy other : state.policies()) {
                if (!other.equals(victim)) {
                    assertThat(after.get(other.name())).isEqualTo(before.get(other.name()));
                }
            }
        });
    }

    @Test
    void ofAPoliciesSpecStopsNothing() {
        rounds(random -> {
            Policy victim = pick(state.policies(), random);
            Map<String, PolicyDecision> _ = decisions(
                    with(victim, read(victim, strange(victim.spec(), random), JSON.valueToTree(victim.status()))));
        });
    }

    @Test
    void ofAReportStopsNothing() {
        List<Node> reporting =
                state.nodes().stream().filter(n -> n.report().isPresent()).toList();
        rounds(random -> {
            Node victim = pick(reporting, random);
            FleetState.Report was = victim.report().orElseThrow();
            boolean spec = random.nextBoolean();
            GenericKubernetesResource object = object(
                    "NodeABI",
                    victim.name(),
                    spec ? strange(was.spec(), random) : JSON.valueToTree(was.spec()),
                    spec ? JSON.valueToTree(was.status()) : strange(was.status(), random));
            Node now = victim.with(unlessLeftOut(() -> Views.report(object).orElse(null)));
            Map<String, PolicyDecision> _ = decisions(fleet.next(new FleetState(
                    state.policies(),
                    state.nodesByName().with(victim.name(), now),
                    state.profiles(),
                    state.guestAbis(),
                    state.vmsByKey(),
                    state.namespaces())));
        });
    }

    @Test
    void ofContentStopsNothing() {
        List<HostProfile> profiles = List.copyOf(state.profiles().values());
        List<GuestAbi> guestAbis = List.copyOf(state.guestAbis().values());
        rounds(random -> {
            Map<Digest, HostProfile> otherProfiles = new HashMap<>(state.profiles());
            Map<Digest, GuestAbi> otherGuestAbis = new HashMap<>(state.guestAbis());
            if (random.nextBoolean()) {
                HostProfile victim = pick(profiles, random);
                otherProfiles.remove(victim.digest());
                GenericKubernetesResource object = object(
                        "ABIProfile",
                        victim.digest().hex(),
                        strange(ABIProfileSpec.fromHostProfile(victim), random),
                        null);
                unlessLeftOut(() -> Views.profile(object).orElse(null))
                        .ifPresent(p -> otherProfiles.put(p.digest(), p));
            } else {
                GuestAbi victim = pick(guestAbis, random);
                otherGuestAbis.remove(victim.digest());
                GenericKubernetesResource object = object(
                        "GuestABI", victim.digest().hex(), strange(GuestABISpec.fromGuestAbi(victim), random), null);
                unlessLeftOut(() -> Views.guestAbi(object).orElse(null))
                        .ifPresent(g -> otherGuestAbis.put(g.digest(), g));
            }
            Map<String, PolicyDecision> _ = decisions(fleet.next(new FleetState(
                    state.policies(),
                    state.nodesByName(),
                    otherProfiles,
                    otherGuestAbis,
                    state.vmsByKey(),
                    state.namespaces())));
        });
    }

    private interface Round {
        void play(Random random);
    }

    private static void rounds(Round round) {
        for (int i = 0; i < ROUNDS; i++) {
            try {
                round.play(new Random(SEED + i));
            } catch (RuntimeException | AssertionError e) {
                fail("-Dvmabi.seed=" + (SEED + i), e);
            }
        }
    }

    /** All that is decided, as the operator decides it. */
    private static Map<String, PolicyDecision> decisions(Fleet fleet) {
        Map<String, PolicyDecision> decisions = new HashMap<>();
        fleet.state().policies().forEach(p -> decisions.put(p.name(), PolicyDecision.decide(fleet, p, NOW)));
        for (Node node : fleet.state().nodes()) {
            NodeDecision _ = NodeDecision.decide(fleet, node, NOW);
        }
        return decisions;
    }

    private Fleet with(Policy victim, Optional<Policy> instead) {
        List<Policy> policies = new ArrayList<>(state.policies());
        policies.remove(victim);
        instead.ifPresent(policies::add);
        return fleet.next(new FleetState(
                policies,
                state.nodesByName(),
                state.profiles(),
                state.guestAbis(),
                state.vmsByKey(),
                state.namespaces()));
    }

    private static Optional<Policy> read(Policy victim, JsonNode spec, JsonNode status) {
        GenericKubernetesResource object = object("VirtualMachineABI", victim.name(), spec, status);
        object.getMetadata().setUid(victim.uid());
        object.getMetadata().setGeneration(victim.generation());
        object.getMetadata().setCreationTimestamp(victim.created().toString());
        return unlessLeftOut(() -> Views.policy(object));
    }

    private static GenericKubernetesResource object(String kind, String name, JsonNode spec, JsonNode status) {
        Map<String, Object> parts = new HashMap<>();
        parts.put("spec", JSON.convertValue(spec, new TypeReference<Object>() {}));
        parts.put("status", JSON.convertValue(status, new TypeReference<Object>() {}));
        return new GenericKubernetesResourceBuilder()
                .withKind(kind)
                .withNewMetadata()
                .withName(name)
                .endMetadata()
                .withAdditionalProperties(parts)
                .build();
    }

    private interface Reading<T> {
        /** Null for none. */
        T read();
    }

    /** Empty if it cannot be read: the operator leaves such an object out, whatever is thrown. */
    private static <T> Optional<T> unlessLeftOut(Reading<T> reading) {
        try {
            return Optional.ofNullable(reading.read());
        } catch (RuntimeException e) {
            return Optional.empty();
        }
    }

    private static JsonNode strange(Object part, Random random) {
        ObjectNode tree = JSON.valueToTree(part);
        for (int i = random.nextInt(3); i >= 0; i--) {
            Rubbish.into(tree, random);
        }
        return tree;
    }

    private static <T> T pick(List<T> list, Random random) {
        return list.get(random.nextInt(list.size()));
    }
}
