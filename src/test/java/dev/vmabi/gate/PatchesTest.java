package dev.vmabi.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.vmabi.api.Names;
import io.fabric8.kubernetes.api.model.NodeSelectorRequirement;
import io.fabric8.zjsonpatch.JsonPatch;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Patches are applied here by another implementation than the one that makes them. */
class PatchesTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String LABEL = Names.nodeLabel("0123456789abcdef");
    private static final Steering TO_LABEL = Steering.to(LABEL);
    private static final NodeSelectorRequirement A = new NodeSelectorRequirement("a", "In", List.of("true"));
    private static final NodeSelectorRequirement B = new NodeSelectorRequirement("b", "In", List.of("true"));
    private static final Steering A_OR_B = Steering.toAnyOf(List.of(List.of(A), List.of(B)));
    private static final Steering RATHER = new Steering(Map.of(LABEL, "true"), List.of(), Optional.of(A));

    private static JsonNode json(String singleQuoted) {
        try {
            return JSON.readTree(singleQuoted.replace('\'', '"'));
        } catch (java.io.IOException e) {
            throw new AssertionError(e);
        }
    }

    private static JsonNode pod(String spec, Steering steering) {
        JsonNode pod = json("{'spec':" + spec + "}");
        JsonNode steered = JsonPatch.apply(Patches.pod(pod, steering), pod);
        assertThat(Patches.pod(steered, steering))
                .as("a second call adds nothing to %s", steered)
                .isEmpty();
        return steered.path("spec");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{'nodeSelector':null}", "{'nodeSelector':{}}"})
    void aNodeSelectorIsMadeWhereThereIsNone(String spec) {
        assertThat(pod(spec, TO_LABEL)).isEqualTo(json("{'nodeSelector':{'" + LABEL + "':'true'}}"));
    }

    @Test
    void aNodeSelectorKeepsWhatItHas() {
        assertThat(pod("{'nodeSelector':{'kubernetes.io/arch':'arm64','a~b/c':'d'}}", TO_LABEL))
                .isEqualTo(json("{'nodeSelector':{'kubernetes.io/arch':'arm64','a~b/c':'d','" + LABEL + "':'true'}}"));
    }

    @Test
    void aKeyThatIsThereKeepsItsValue() {
        JsonNode pod = json("{'spec':{'nodeSelector':{'" + LABEL + "':'false'}}}");
        assertThat(Patches.pod(pod, TO_LABEL)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    {'vmiName':'vm'} | {'vmiName':'vm','addedNodeSelector':{'%s':'true'}}
                    {'addedNodeSelector':{'kubernetes.io/hostname':'n-2'}} | {'addedNodeSelector':{'kubernetes.io/hostname':'n-2','%s':'true'}}
                    {'addedNodeSelector':{'%s':'true'}} | {'addedNodeSelector':{'%s':'true'}}
                    """, quoteCharacter = '`')
    void migrationsGetAnAddedNodeSelector(String spec, String steered) {
        JsonNode object = json("{'spec':" + spec.replace("%s", LABEL) + "}");
        ArrayNode patch = Patches.migration(object, TO_LABEL);
        assertThat(JsonPatch.apply(patch, object).path("spec")).isEqualTo(json(steered.replace("%s", LABEL)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{'affinity':null}",
                "{'affinity':{}}",
                "{'affinity':{'nodeAffinity':null}}",
                "{'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[]}}}}"
            })
    void alternativesBecomeTermsWhereThereAreNone(String spec) {
        assertThat(terms(pod(spec, A_OR_B)))
                .isEqualTo(json("[{'matchExpressions':[{'key':'a','operator':'In','values':['true']}]},"
                        + "{'matchExpressions':[{'key':'b','operator':'In','values':['true']}]}]"));
    }

    @Test
    void alternativesGoIntoEveryTerm() {
        String required =
                "{'affinity':{'podAntiAffinity':{'x':1},'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':"
                        + "{'nodeSelectorTerms':[{'matchExpressions':[{'key':'zone','operator':'Exists'}]},"
                        + "{'matchFields':[{'key':'metadata.name','operator':'In','values':['n-2']}]}]}}}}";
        JsonNode spec = pod(required, A_OR_B);
        assertThat(terms(spec)).hasSize(4);
        assertThat(terms(spec).get(0).path("matchExpressions")).hasSize(2);
        assertThat(terms(spec).get(3))
                .isEqualTo(json("{'matchFields':[{'key':'metadata.name','operator':'In','values':['n-2']}],"
                        + "'matchExpressions':[{'key':'b','operator':'In','values':['true']}]}"));
        assertThat(spec.path("affinity").path("podAntiAffinity")).isEqualTo(json("{'x':1}"));
    }

    @Test
    void aPreferenceIsAddedToThoseOfTheOwner() {
        JsonNode spec = pod(
                "{'affinity':{'nodeAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':1,'preference':{}}]}}}",
                RATHER);
        JsonNode preferred =
                spec.path("affinity").path("nodeAffinity").path("preferredDuringSchedulingIgnoredDuringExecution");
        assertThat(preferred).hasSize(2);
        assertThat(preferred.get(1))
                .isEqualTo(
                        json(
                                "{'weight':50,'preference':{'matchExpressions':[{'key':'a','operator':'In','values':['true']}]}}"));
        assertThat(pod("{}", RATHER).path("affinity").path("nodeAffinity")).hasSize(1);
    }

    private static JsonNode terms(JsonNode spec) {
        return spec.path("affinity")
                .path("nodeAffinity")
                .path("requiredDuringSchedulingIgnoredDuringExecution")
                .path("nodeSelectorTerms");
    }
}
