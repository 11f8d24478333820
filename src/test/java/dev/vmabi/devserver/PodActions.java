package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The subresources of a pod that are actions. */
final class PodActions {
    private final Store store;
    private final Admission admission;
    private final Deletion deletion;

    PodActions(Store store, Admission admission, Deletion deletion) {
        this.store = store;
        this.admission = admission;
        this.deletion = deletion;
    }

    /** {@code pods/binding}: what a scheduler does. */
    ObjectNode bind(Call call, ObjectNode binding) {
        Call pod = call.at(call.type(), call.key());
        Admission.Attempt attempt = new Admission.Attempt(call, "CREATE", binding, null);
        ObjectNode admitted = admission.mutate(attempt, call.warnings()::add);
        admission.validate(new Admission.Attempt(call, "CREATE", admitted, null), call.warnings()::add);
        String node = Json.text(admitted, "target", "name");
        while (!call.dryRun()) {
            ObjectNode current = store.require(pod);
            String assigned = Json.text(current, "spec", "nodeName");
            if (!assigned.isEmpty()) {
                String what = "Operation cannot be fulfilled on pods/binding \"" + call.name() + "\": pod "
                        + call.name() + " is already assigned to node \"" + assigned + "\"";
                throw new ApiException(409, "Conflict", what).about(call.type(), call.name());
            }
            ObjectNode next = current.deepCopy();
            next.withObjectProperty("spec").put("nodeName", node);
            next.withObjectProperty("status")
                    .withArrayProperty("conditions")
                    .addObject()
                    .put("type", "PodScheduled")
                    .put("status", "True")
                    .put("lastTransitionTime", Operations.now());
            if (store.commit(call.key(), current, next) != null) {
                break;
            }
        }
        return Json.object()
                .put("kind", "Status")
                .put("apiVersion", "v1")
                .put("status", "Success")
                .put("code", 201);
    }

    /** {@code pods/eviction}: a deletion that a disruption budget can hold back. */
    ObjectNode evict(Call call, ObjectNode eviction) {
        Call pod = call.at(call.type(), call.key());
        Admission.Attempt attempt = new Admission.Attempt(call, "CREATE", eviction, null);
        ObjectNode admitted = admission.mutate(attempt, call.warnings()::add);
        admission.validate(new Admission.Attempt(call, "CREATE", admitted, null), call.warnings()::add);
        JsonNode labels = Json.at(store.require(pod), "metadata", "labels");
        for (ObjectNode budget :
                store.list("poddisruptionbudgets.policy", call.namespace(), 0).objects()) {
            boolean covers = Selectors.matches(Json.at(budget, "spec", "selector"), labels);
            if (covers && Json.at(budget, "status", "disruptionsAllowed").asInt() == 0) {
                throw new ApiException(
                        429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.");
            }
        }
        if (!call.dryRun()) {
            ObjectNode _ = deletion.delete(pod, eviction.withObjectProperty("deleteOptions"));
        }
        return Json.object()
                .put("kind", "Status")
                .put("apiVersion", "v1")
                .put("status", "Success")
                .put("code", 201);
    }
}
