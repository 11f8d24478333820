package dev.vmabi.operator;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.function.Supplier;

/** OpenTelemetry spans of the operator's work; nothing at all happens while traces are off. */
@ApplicationScoped
public class Spans {
    public static final AttributeKey<String> POLICY = AttributeKey.stringKey("vmabi.policy");
    public static final AttributeKey<String> NODE = AttributeKey.stringKey("k8s.node.name");

    private final Tracer tracer;

    Spans(Tracer tracer) {
        this.tracer = tracer;
    }

    /** Does the work within a span that names what it is about. */
    public <T> T around(String name, AttributeKey<String> what, String value, Supplier<T> work) {
        Span span = tracer.spanBuilder(name).setAttribute(what, value).startSpan();
        try (Scope _ = span.makeCurrent()) {
            return work.get();
        } catch (RuntimeException e) {
            span.recordException(e).setStatus(StatusCode.ERROR);
            throw e;
        } finally {
            span.end();
        }
    }

    /** Notes a write in the span of the work that it belongs to. */
    static void wrote(String kind, String name) {
        Span span = Span.current();
        if (span.isRecording()) {
            span.addEvent(
                    "write",
                    Attributes.of(AttributeKey.stringKey("k8s.kind"), kind, AttributeKey.stringKey("k8s.name"), name));
        }
    }
}
