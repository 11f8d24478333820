package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cel.bundle.CelFactory;
import dev.cel.common.CelOptions;
import dev.cel.common.CelValidationException;
import dev.cel.common.types.SimpleType;
import dev.cel.common.values.NullValue;
import dev.cel.extensions.CelExtensions;
import dev.cel.parser.CelStandardMacro;
import dev.cel.runtime.CelEvaluationException;
import dev.cel.runtime.CelRuntime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * CEL over JSON. All variables are dynamically typed, so a rule that the real server refuses for its types is found
 * out only when it runs; of Kubernetes' own libraries (quantity, ip, url, ...) there is none.
 */
final class Cel {
    private static final Map<String, CelRuntime.Program> PROGRAMS = new ConcurrentHashMap<>();

    /** Loaded at the first rule: the libraries behind it take a moment. */
    private static final class Lazy {
        static final dev.cel.bundle.Cel CEL = CelFactory.plannerCelBuilder()
                .setOptions(CelOptions.current()
                        .enableHeterogeneousNumericComparisons(true)
                        .build())
                .setStandardMacros(CelStandardMacro.STANDARD_MACROS)
                .addCompilerLibraries(CelExtensions.strings(), CelExtensions.optional(), CelExtensions.lists())
                .addRuntimeLibraries(CelExtensions.strings(), CelExtensions.optional(), CelExtensions.lists())
                .addVar("self", SimpleType.DYN)
                .addVar("oldSelf", SimpleType.DYN)
                .addVar("object", SimpleType.DYN)
                .addVar("oldObject", SimpleType.DYN)
                .addVar("request", SimpleType.DYN)
                .build();
    }

    private Cel() {}

    /** @throws CelValidationException if the expression does not compile */
    static void check(String expression) throws CelValidationException {
        CelRuntime.Program _ = program(expression);
    }

    /** @throws CelEvaluationException if it does not compile or fails, as at a field that is not there */
    static Object evaluate(String expression, Map<String, JsonNode> variables) throws CelEvaluationException {
        try {
            Map<String, Object> values = new LinkedHashMap<>();
            variables.forEach((name, value) -> values.put(name, value(value)));
            return program(expression).eval(values);
        } catch (CelValidationException e) {
            throw new CelEvaluationException(e.getMessage(), e);
        }
    }

    private static CelRuntime.Program program(String expression) throws CelValidationException {
        CelRuntime.Program program = PROGRAMS.get(expression);
        if (program == null) {
            try {
                program = Lazy.CEL.createProgram(Lazy.CEL.compile(expression).getAst());
            } catch (CelEvaluationException e) {
                throw new IllegalStateException(e);
            }
            PROGRAMS.put(expression, program);
        }
        return program;
    }

    private static Object value(JsonNode node) {
        return switch (node.getNodeType()) {
            case OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                node.properties().forEach(field -> map.put(field.getKey(), value(field.getValue())));
                yield map;
            }
            case ARRAY -> {
                List<Object> list = new ArrayList<>();
                node.forEach(item -> list.add(value(item)));
                yield list;
            }
            case STRING -> node.asText();
            case BOOLEAN -> node.asBoolean();
            case NUMBER -> node.isIntegralNumber() ? (Object) node.asLong() : (Object) node.asDouble();
            default -> NullValue.NULL_VALUE;
        };
    }
}
