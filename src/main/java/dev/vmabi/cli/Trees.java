package dev.vmabi.cli;

import dev.vmabi.abi.Addition;
import dev.vmabi.abi.Edge;
import dev.vmabi.abi.HoldsDown;
import dev.vmabi.abi.HostClass;
import dev.vmabi.abi.Refusal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The algebra's answers as maps and lists, for JSON and YAML. */
final class Trees {

    static Map<String, Object> of(Refusal refusal) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kind", refusal.getClass().getSimpleName());
        map.put("register", refusal.register());
        map.put("field", refusal.field());
        map.put("guest", refusal.wanted());
        map.put("host", refusal.offered());
        map.put("lostFeatures", refusal.lostFeatures());
        map.put("cure", refusal.cure());
        map.put("message", refusal.message());
        return map;
    }

    static Map<String, Object> of(Addition addition) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("register", addition.register());
        map.put("field", addition.field());
        map.put("before", addition.before());
        map.put("after", addition.after());
        map.put("gainedFeatures", addition.gainedFeatures());
        return map;
    }

    static Map<String, Object> of(HoldsDown held, Map<String, String> names) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("host", names.getOrDefault(held.profile().hex(), held.profile().hex()));
        map.put("profile", held.profile().hex());
        map.put("register", held.register().name());
        map.put("field", held.field());
        map.put("held", held.valueHeld());
        map.put("otherwise", held.valueOtherwise());
        map.put("gainedFeatures", held.gainedFeatures());
        return map;
    }

    static Map<String, Object> of(HostClass hosts, Map<String, String> names) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("guestAbi", hosts.guestAbi().hex());
        map.put(
                "hosts",
                hosts.profiles().stream()
                        .map(digest -> names.getOrDefault(digest.hex(), digest.hex()))
                        .toList());
        return map;
    }

    static Map<String, Object> of(Edge edge) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("from", edge.from().hex());
        map.put("to", edge.to().hex());
        map.put("verdict", !edge.accepted() ? "refuse" : edge.oneWay() ? "one-way" : "accept");
        map.put("refusals", edge.refusals().stream().map(Trees::of).toList());
        return map;
    }

    static List<Map<String, Object>> refusals(List<Refusal> refusals) {
        return refusals.stream().map(Trees::of).toList();
    }

    private Trees() {}
}
