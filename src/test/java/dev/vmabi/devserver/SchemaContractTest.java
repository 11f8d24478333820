package dev.vmabi.devserver;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Custom resource definitions: establishing, defaulting, pruning, validation, CEL rules. */
class SchemaContractTest extends Contract {
    private static final String CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private static String rules;

    @BeforeAll
    static void defineRules() {
        rules = define("Rule", """
                {'type': 'object', 'required': ['spec'], 'properties': {
                  'spec': {'type': 'object', 'required': ['name'],
                    'x-kubernetes-validations': [
                      {'rule': '!has(self.low) || !has(self.high) || self.low <= self.high',
                       'messageExpression': '\\"low of \\" + self.name + \\" is above high\\"'},
                      {'rule': 'self.name == oldSelf.name', 'message': 'name is immutable', 'fieldPath': '.name'}],
                    'properties': {
                    'name': {'type': 'string', 'minLength': 2, 'maxLength': 5, 'pattern': '^[a-z]+$'},
                    'mode': {'type': 'string', 'enum': ['On', 'Off'], 'default': 'On'},
                    'low': {'type': 'integer', 'minimum': 0, 'maximum': 10},
                    'high': {'type': 'integer', 'format': 'int32'},
                    'ratio': {'type': 'number', 'minimum': 0, 'exclusiveMinimum': true},
                    'flag': {'type': 'boolean'},
                    'when': {'type': 'string', 'format': 'date-time'},
                    'either': {'x-kubernetes-int-or-string': true},
                    'names': {'type': 'array', 'maxItems': 2, 'items': {'type': 'string'}},
                    'unique': {'type': 'array', 'x-kubernetes-list-type': 'set', 'items': {'type': 'string'}},
                    'keyed': {'type': 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'],
                      'items': {'type': 'object', 'required': ['k'], 'properties': {
                        'k': {'type': 'string'}, 'v': {'type': 'integer', 'default': 7}}}},
                    'map': {'type': 'object', 'maxProperties': 1, 'additionalProperties': {'type': 'integer'}},
                    'free': {'type': 'object', 'x-kubernetes-preserve-unknown-fields': true},
                    'nothing': {'type': 'string', 'nullable': true},
                    'deep': {'type': 'object', 'default': {}, 'properties': {
                      'inner': {'type': 'string', 'default': 'd'}}}}},
                  'status': {'type': 'object', 'properties': {'x': {'type': 'string'}}}}}
                """);
    }

    private static ObjectNode rule(String name, String spec) {
        ObjectNode rule = object("contract.dev/v1", "Rule", name);
        rule.set("spec", json(spec));
        return rule;
    }

    @Test
    void aDefinitionIsEstablished() {
        Answer crd = get(CRDS + "/rules.contract.dev");
        for (String type : new String[] {"Established", "NamesAccepted"}) {
            boolean found = false;
            for (JsonNode condition : Json.at(crd.body(), "status", "conditions")) {
                found |= Json.text(condition, "type").equals(type)
                        && Json.text(condition, "status").equals("True");
            }
            assertThat(found).as(type).isTrue();
        }
        assertThat(crd.text("status", "acceptedNames", "kind")).isEqualTo("Rule");
        assertThat(crd.text("spec", "names", "listKind")).isEqualTo("RuleList");
        assertThat(Json.at(crd.body(), "status", "storedVersions").get(0).asText())
                .isEqualTo("v1");
    }

    @Test
    void aDefinitionMustBearItsNameAndASchemaWithRulesThatCompile() {
        String crd = """
                {'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition', 'metadata': {'name': '%s'},
                 'spec': {'group': 'contract.dev', 'scope': 'Cluster', 'names': {'kind': 'Bad', 'plural': 'bads'},
                  'versions': [{'name': 'v1', 'served': true, 'storage': true, 'schema': {'openAPIV3Schema':
                    {'type': 'object', 'properties': {'spec': {'type': 'object',
                     'x-kubernetes-validations': [{'rule': '%s'}]}}}}}]}}
                """;
        assertThat(post(CRDS, json(crd, "other.contract.dev", "true")).code()).isEqualTo(422);
        assertThat(post(CRDS, json(crd, "bads.contract.dev", "self.")).code()).isEqualTo(422);
    }

    @Test
    void defaultsAreFilledIn() {
        Answer created = post(rules, rule("defaults", "{'name': 'abc', 'keyed': [{'k': 'a'}]}"));
        assertThat(created.code()).isEqualTo(201);
        assertThat(created.body().path("spec"))
                .isEqualTo(
                        json("{'name': 'abc', 'mode': 'On', 'keyed': [{'k': 'a', 'v': 7}], 'deep': {'inner': 'd'}}"));
    }

    @Test
    void unknownFieldsArePrunedWithAWarningOrRefused() {
        ObjectNode rule = rule("pruned", "{'name': 'abc', 'extra': 1, 'free': {'any': [1]}, 'deep': {'other': 2}}");
        Answer strict = post(rules + "?fieldValidation=Strict", rule);
        assertThat(strict.code()).isEqualTo(400);
        assertThat(strict.text("message"))
                .contains("unknown field \"spec.extra\"", "unknown field \"spec.deep.other\"");
        Answer created = post(rules + "?fieldValidation=Warn", rule);
        assertThat(created.code()).isEqualTo(201);
        assertThat(created.body().path("spec").has("extra")).isFalse();
        assertThat(created.body().path("spec").path("deep").has("other")).isFalse();
        assertThat(created.body().path("spec").path("free")).isEqualTo(json("{'any': [1]}"));
        assertThat(String.join("; ", created.http().headers().allValues("Warning")))
                .contains("299", "unknown field", "spec.extra");
        Answer applied = apply(rules + "/pruned?fieldValidation=Strict", "x", rule);
        assertThat(applied.code()).isIn(400, 500);
        assertThat(applied.text("message")).contains("spec.extra");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{'name': 'a'}                              | spec.name",
                "{'name': 'abcdef'}                         | spec.name",
                "{'name': 'ABC'}                            | spec.name",
                "{'name': 5}                                | spec.name",
                "{}                                         | spec.name",
                "{'name': 'abc', 'mode': 'Maybe'}           | spec.mode",
                "{'name': 'abc', 'low': -1}                 | spec.low",
                "{'name': 'abc', 'low': 11}                 | spec.low",
                "{'name': 'abc', 'low': 'x'}                | spec.low",
                "{'name': 'abc', 'ratio': 0}                | spec.ratio",
                "{'name': 'abc', 'flag': 'yes'}             | spec.flag",
                "{'name': 'abc', 'when': 'now'}             | spec.when",
                "{'name': 'abc', 'either': true}            | spec.either",
                "{'name': 'abc', 'names': ['a', 'b', 'c']}  | spec.names",
                "{'name': 'abc', 'unique': ['a', 'a']}      | spec.unique[1]",
                "{'name': 'abc', 'keyed': [{'k': 'a'}, {'k': 'a'}]} | spec.keyed[1]",
                "{'name': 'abc', 'map': {'a': 1, 'b': 2}}   | spec.map",
                "{'name': 'abc', 'map': {'a': 'x'}}         | spec.map.a",
            })
    void whatBreaksTheSchemaIsRefusedByField(String spec, String field) {
        Answer refused = post(rules, rule("broken", spec));
        assertThat(refused.code()).isEqualTo(422);
        assertThat(refused.text("reason")).isEqualTo("Invalid");
        assertThat(refused.text("message")).startsWith("Rule.contract.dev \"broken\" is invalid: ");
        assertThat(refused.body().path("details").path("causes").findValuesAsText("field"))
                .contains(field);
    }

    @Test
    void numbersFitTheirFormat() {
        Answer refused = post(rules, rule("large", "{'name': 'abc', 'high': 3000000000}"));
        assertThat(refused.code()).isEqualTo(422);
        assertThat(refused.text("message")).contains("spec.high", "int32");
    }

    @Test
    void whatTheSchemaAllowsIsTaken() {
        Answer created = post(
                rules,
                rule(
                        "fine",
                        "{'name': 'abc', 'either': '5%%', 'nothing': null, 'ratio': 1, 'high': 4,"
                                + " 'when': '2026-01-01T00:00:00Z', 'map': {'a': 1}}"));
        assertThat(created.code()).isEqualTo(201);
        assertThat(created.body().path("spec").path("nothing").isNull()).isTrue();
    }

    @Test
    void rulesLookAtSeveralFields() {
        Answer refused = post(rules, rule("cross", "{'name': 'abc', 'low': 5, 'high': 4}"));
        assertThat(refused.code()).isEqualTo(422);
        assertThat(refused.text("message")).contains("low of abc is above high");
        assertThat(refused.body().path("details").path("causes").findValuesAsText("field"))
                .containsExactly("spec");
        assertThat(post(rules, rule("cross", "{'name': 'abc', 'low': 4, 'high': 4}"))
                        .code())
                .isEqualTo(201);
    }

    @Test
    void rulesLookAtTheOldValue() {
        post(rules, rule("fixed", "{'name': 'abc'}"));
        Answer refused = patch(rules + "/fixed", "merge-patch+json", "{'spec': {'name': 'xyz'}}");
        assertThat(refused.code()).isEqualTo(422);
        assertThat(refused.text("message")).contains("name is immutable");
        assertThat(refused.body().path("details").path("causes").findValuesAsText("field"))
                .containsExactly("spec.name");
        assertThat(patch(rules + "/fixed", "merge-patch+json", "{'spec': {'mode': 'Off'}}")
                        .code())
                .isEqualTo(200);
    }

    @Test
    void statusIsValidatedToo() {
        post(rules, rule("status", "{'name': 'abc'}"));
        assertThat(patch(rules + "/status/status", "merge-patch+json", "{'status': {'x': 1}}")
                        .code())
                .isEqualTo(422);
    }

    @Test
    void aDefinitionThatGoesTakesItsResourcesAlong() {
        String brief = define("Brief", "{'type': 'object', 'x-kubernetes-preserve-unknown-fields': true}");
        post(brief, object("contract.dev/v1", "Brief", "b"));
        delete(CRDS + "/briefs.contract.dev");
        eventually(() -> get(CRDS + "/briefs.contract.dev").code() == 404);
        eventually(() -> get(brief).code() == 404);
        define("Brief", "{'type': 'object', 'x-kubernetes-preserve-unknown-fields': true}");
        assertThat(get(brief + "/b").code()).isEqualTo(404);
    }
}
