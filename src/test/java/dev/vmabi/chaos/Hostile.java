package dev.vmabi.chaos;

import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.demo.ReplayFleet;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Objects that lie, that are malformed, huge or strange; some the API server refuses, the others the operator meets. */
final class Hostile {
    private static final String LABEL = "example.com/hostile";

    private final Rig rig;
    private final int number;
    private int created;
    private int refused;

    Hostile(Rig rig, int number) {
        this.rig = rig;
        this.number = number;
    }

    void create(Random random) {
        Map<String, Object> profile = spec(ABIProfileSpec.fromHostProfile(
                ReplayFleet.recorded("linux-6.18-max").profile()));
        Map<String, Object> guestAbi = spec(GuestABISpec.fromGuestAbi(
                ReplayFleet.recorded("linux-6.18-max").profile().defaultGuestAbi()));
        for (int i = 0; i < number; i++) {
            String digest = "%016x".formatted(random.nextLong()).repeat(4);
            switch (i % 10) {
                case 0 -> create("ABIProfile", digest, profile);
                case 1, 2, 3 -> create("GuestABI", digest, guestAbi);
                case 4 -> create("GuestABI", digest, with(guestAbi, "registers", Map.of("0x603000000013c000", "0xzz")));
                case 5 -> create("GuestABI", digest, with(guestAbi, "registers", Map.of("0x1", "0x0")));
                case 6 -> create("ABIProfile", digest, with(profile, "capabilities", Map.of("x", 1)));
                case 7 -> create("GuestABI", "not-a-digest-" + i, guestAbi);
                case 8 -> create("VirtualMachineABI", "weird-" + i, policy(random));
                default -> create("GuestABI", digest, huge(guestAbi, random));
            }
        }
    }

    private static Map<String, Object> policy(Random random) {
        Map<String, Object> everything = Map.of("matchLabels", Map.of("kubernetes.io/arch", "arm64"));
        return switch (random.nextInt(5)) {
            case 0 -> Map.of("nodeSelector", everything);
            case 1 -> Map.of("nodeSelector", Map.of());
            case 2 -> Map.of("nodeSelector", everything, "baseline", Map.of("require", List.of("FEAT_NO_SUCH")));
            case 3 ->
                Map.of(
                        "nodeSelector",
                        Map.of(
                                "matchExpressions",
                                List.of(Map.of(
                                        "key",
                                        "example.com/pool",
                                        "operator",
                                        "Sometimes",
                                        "values",
                                        List.of("a57")))));
            default ->
                Map.of("nodeSelector", everything, "raise", Map.of("soak", "999999h", "approve", "0".repeat(64)));
        };
    }

    private static Map<String, Object> huge(Map<String, Object> guestAbi, Random random) {
        Map<String, Object> registers = new TreeMap<>();
        for (int i = 0; i < 1000; i++) {
            registers.put("0x60300000001%05x".formatted(random.nextInt(1 << 20)), "0x%x".formatted(random.nextLong()));
        }
        return with(guestAbi, "registers", registers);
    }

    private static Map<String, Object> with(Map<String, Object> spec, String field, Object value) {
        Map<String, Object> changed = new HashMap<>(spec);
        changed.put(field, value);
        return changed;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> spec(Object record) {
        return new KubernetesSerialization().convertValue(record, Map.class);
    }

    private void create(String kind, String name, Map<String, Object> spec) {
        try {
            GenericKubernetesResource _ = rig.admin
                    .resource(new GenericKubernetesResourceBuilder()
                            .withApiVersion("vmabi.dev/v1alpha1")
                            .withKind(kind)
                            .withNewMetadata()
                            .withName(name)
                            .addToLabels(LABEL, "true")
                            .endMetadata()
                            .addToAdditionalProperties("spec", spec)
                            .build())
                    .create();
            created++;
        } catch (KubernetesClientException e) {
            refused++;
        }
    }

    void delete() {
        for (String kind : List.of("VirtualMachineABI", "GuestABI", "ABIProfile")) {
            rig.admin
                    .genericKubernetesResources("vmabi.dev/v1alpha1", kind)
                    .withLabel(LABEL, "true")
                    .delete();
        }
    }

    String told() {
        return created + " hostile objects were taken by the API server, " + refused + " refused";
    }
}
