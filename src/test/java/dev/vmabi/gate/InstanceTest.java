package dev.vmabi.gate;

import static dev.vmabi.gate.TestFleet.N;
import static dev.vmabi.gate.TestFleet.N1;
import static dev.vmabi.gate.TestFleet.NAMESPACE;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.gate.TestFleet.Terms;
import io.fabric8.zjsonpatch.JsonPatch;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** What new VMs are to be started without. */
class InstanceTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String HOOK = "[{'configMap': {'name': 'vmabi-hook', 'key': 'clamp.sh'}}]";

    private static Fleet fleet(UnaryOperator<Terms> terms) {
        return new TestFleet()
                .policy("pool-a", "a", N, terms)
                .node("n-1", "a", N)
                .build();
    }

    private static Fleet clamped(String clamp) {
        return fleet(t -> t.clamp(clamp));
    }

    private static JsonNode request(String metadata, String spec) throws Exception {
        return JSON.readTree("""
                {"namespace": "%s", "object": {"metadata": {"name": "vm", %s}, "spec": {"architecture": "arm64", %s}}}
                """.formatted(NAMESPACE, metadata, spec).replace('\'', '"'));
    }

    /** The object as it is admitted; asked twice, as a webhook may be. */
    private static JsonNode admitted(Fleet fleet, JsonNode request) {
        JsonNode object = request.path("object");
        Decision decision = Hook.INSTANCE.decide(fleet, request);
        JsonNode patched = JsonPatch.apply(Hook.INSTANCE.patch(object, decision), object);
        JsonNode again = JSON.valueToTree(Map.of("namespace", NAMESPACE, "object", patched));
        assertThat(Hook.INSTANCE.decide(fleet, again)).isInstanceOf(Decision.Allow.class);
        return patched;
    }

    private static List<String> features(JsonNode admitted) {
        return StreamSupport.stream(admitted.at("/spec/domain/cpu/features").spliterator(), false)
                .map(f -> f.path("name").asText() + ":" + f.path("policy").asText())
                .toList();
    }

    @Test
    void aNewVmIsStartedWithoutWhatThePinLeavesOut() throws Exception {
        Fleet fleet = clamped("sve=off,pauth=off");
        List<String> wanted = List.of("pauth:disable", "sve:disable");
        for (String domain :
                List.of("{'devices': {}}", "{'cpu': {'cores': 2}}", "{'cpu': null}", "{'cpu': {'features': null}}")) {
            assertThat(features(admitted(fleet, request("'labels': {}", "'domain': " + domain))))
                    .as(domain)
                    .isEqualTo(wanted);
        }
        JsonNode kept = admitted(fleet, request("'labels': {}", "'domain': {'cpu': {'cores': 2, 'features': []}}"));
        assertThat(kept.at("/spec/domain/cpu/cores").asInt()).isEqualTo(2);
        assertThat(features(kept)).isEqualTo(wanted);
    }

    @Test
    void longVectorsAreLeftOutOneByOne() throws Exception {
        assertThat(features(admitted(clamped("sve-max-vq=13"), request("'labels': {}", "'domain': {}"))))
                .containsExactly("sve1792:disable", "sve1920:disable", "sve2048:disable");
    }

    @Test
    void whatTheOwnerWroteStays() throws Exception {
        JsonNode vm =
                request("'labels': {}", "'domain': {'cpu': {'features': [{'name': 'pauth', 'policy': 'require'}]}}");
        assertThat(features(admitted(clamped("sve=off,pauth=off"), vm)))
                .containsExactly("pauth:require", "sve:disable");
        JsonNode lengths = request("'labels': {}", "'domain': {'cpu': {'features': [{'name': 'sve512'}]}}");
        assertThat(features(admitted(clamped("sve-max-vq=2,pauth=off"), lengths)))
                .as("one length decides over the others")
                .containsExactly("sve512:", "pauth:disable");
    }

    @Test
    void theRestIsForTheHookWhereTheOwnerAsksForIt() throws Exception {
        Fleet fleet = clamped("psci=1.1,pmu=off,pauth=off");
        JsonNode with = admitted(
                fleet,
                request(
                        "'annotations': {'hooks.kubevirt.io/hookSidecars': '%s'}".formatted(HOOK.replace("'", "\\'")),
                        "'domain': {}"));
        assertThat(with.path("metadata").path("annotations").path(Names.CLAMP).asText())
                .isEqualTo("psci=1.1,pmu=off");
        assertThat(features(with)).containsExactly("pauth:disable");
        JsonNode without = admitted(fleet, request("'annotations': {}", "'domain': {}"));
        assertThat(without.path("metadata").path("annotations").has(Names.CLAMP))
                .isFalse();
        JsonNode said = request(
                "'annotations': {'vmabi.dev/clamp': 'pmu=off', 'hooks.kubevirt.io/hookSidecars': '%s'}"
                        .formatted(HOOK.replace("'", "\\'")),
                "'domain': {}");
        assertThat(admitted(fleet, said)
                        .path("metadata")
                        .path("annotations")
                        .path(Names.CLAMP)
                        .asText())
                .as("what the owner wrote stays")
                .isEqualTo("pmu=off");
    }

    @Test
    void nothingIsImposedWhereThePolicySaysSoOrNothingIsToBeLeftOut() throws Exception {
        JsonNode vm = request("'labels': {}", "'domain': {}");
        assertThat(Hook.INSTANCE.decide(fleet(t -> t.clamp("sve=off").imposingNothing()), vm))
                .isEqualTo(Decision.Allow.untouched(Reason.Baseline));
        assertThat(Hook.INSTANCE.decide(clamped(""), vm)).isEqualTo(Decision.Allow.untouched(Reason.Baseline));
        assertThat(Hook.INSTANCE.decide(clamped("psci=1.1"), vm))
                .as("no hook")
                .isEqualTo(Decision.Allow.untouched(Reason.Baseline));
    }

    @Test
    void auditSaysWhatItWouldDo() throws Exception {
        Decision decision =
                Hook.INSTANCE.decide(fleet(t -> t.clamp("sve=off").audit()), request("'labels': {}", "'domain': {}"));
        assertThat(decision.warnings()).containsExactly("policy pool-a audits; would be started without sve");
        assertThat(Hook.INSTANCE.patch(JSON.createObjectNode(), decision)).isEmpty();
    }

    @Test
    void otherVmsAreLeftAlone() throws Exception {
        Fleet fleet = clamped("sve=off");
        for (String architecture : List.of("amd64", "")) {
            InstanceRequest other =
                    new InstanceRequest(NAMESPACE, "vm", Map.of(), architecture, Map.of(), Set.of(), false);
            assertThat(Gate.decide(fleet, other)).isEqualTo(Decision.Allow.untouched(Reason.OtherArchitecture));
        }
        assertThat(Hook.INSTANCE.decide(fleet, request("'labels': {}", "'nodeSelector': {'pool': 'z'}, 'domain': {}")))
                .isEqualTo(Decision.Allow.untouched(Reason.NoPolicy));
    }

    @Test
    void aVmWithAChoiceOfPoolsGetsOnlyWhatAllOfThemWant() throws Exception {
        TestFleet two = new TestFleet()
                .policy("pool-a", "a", N, t -> t.clamp("sve=off"))
                .policy("pool-b", "b", N1, t -> t.clamp("pauth=off"))
                .node("n-1", "a", N)
                .node("n1-1", "b", N1);
        JsonNode any = request("'labels': {}", "'domain': {}");
        assertThat(Hook.INSTANCE.decide(two.build(), any)).isEqualTo(Decision.Allow.untouched(Reason.SeveralPools));
        JsonNode one = request("'labels': {}", "'nodeSelector': {'pool': 'b'}, 'domain': {}");
        assertThat(features(admitted(two.build(), one))).containsExactly("pauth:disable");
    }
}
