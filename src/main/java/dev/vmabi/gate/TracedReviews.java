package dev.vmabi.gate;

import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetState;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import java.util.Optional;

/** One OpenTelemetry span for each review; nothing at all happens while traces are off. */
record TracedReviews(Tracer tracer, AdmissionServer.Reviewer reviewer) implements AdmissionServer.Reviewer {

    @Override
    public byte[] answer(Hook hook, byte[] body) throws Reviews.Malformed, Admissions.NotRead {
        Span span =
                tracer.spanBuilder(hook.spanName()).setSpanKind(SpanKind.SERVER).startSpan();
        try (Scope _ = span.makeCurrent()) {
            return reviewer.answer(hook, body);
        } catch (Reviews.Malformed | Admissions.NotRead | RuntimeException e) {
            span.recordException(e).setStatus(StatusCode.ERROR);
            throw e;
        } finally {
            span.end();
        }
    }

    /** Says in the span of the review in hand what was decided, and on whom. */
    static void decided(Fleet fleet, String namespace, String vm, String verdict, Reason reason) {
        Span span = Span.current();
        if (!span.isRecording()) {
            return;
        }
        span.setAttribute("vmabi.verdict", verdict)
                .setAttribute("vmabi.reason", reason.name())
                .setAttribute("k8s.namespace.name", namespace)
                .setAttribute("vmabi.vm", vm);
        Optional<FleetState.Vm> known = fleet.vm(namespace, vm);
        known.flatMap(FleetState.Vm::node).ifPresent(node -> span.setAttribute("k8s.node.name", node));
        known.flatMap(fleet::policyFor).ifPresent(policy -> span.setAttribute("vmabi.policy", policy.name()));
    }
}
