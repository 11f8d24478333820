package dev.vmabi.chaos;

import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.CertificateAuthority;
import dev.vmabi.devserver.DevServer;
import dev.vmabi.devserver.RealServer;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Every fault that can be had of this API server on this machine, and the names of those that cannot. */
final class Faults {
    private static final PatchContext MERGE = PatchContext.of(PatchType.JSON_MERGE);
    private static final String SECRET = "vmabi-gate-tls";
    private static final String PREFIX = "vmabi.node-restriction.kubernetes.io/";

    private final Rig rig;
    private final Churn churn;
    private final Hostile hostile;
    private final List<Fault> possible = new ArrayList<>();
    private final List<String> impossible = new ArrayList<>();

    Faults(Rig rig, Churn churn, int hostileObjects) {
        this.rig = rig;
        this.churn = churn;
        this.hostile = new Hostile(rig, hostileObjects);
        ofServer(rig.server);
        ofLine();
        ofProcesses();
        ofOthers();
        ofAgents();
    }

    List<Fault> possible() {
        return possible;
    }

    String told() {
        return hostile.told();
    }

    List<String> impossible() {
        return impossible;
    }

    private void ofServer(ApiServer server) {
        switch (server) {
            case RealServer real -> {
                add("API server killed, 3 s down", "server", true, 0, _ -> real.restart(Duration.ofSeconds(3)));
                possible.add(
                        new Fault("etcd frozen", "server", true, 30, _ -> real.freezeEtcd(), _ -> real.thawEtcd()));
                add("history compacted, API server killed", "server", true, 0, _ -> {
                    real.etcd().compact();
                    real.restart(Duration.ofSeconds(1));
                });
            }
            case DevServer dev -> {
                possible.add(new Fault("API server says 503", "server", true, 5, _ -> dev.pause(), _ -> dev.resume()));
                add("history compacted, watches ended", "server", false, 0, _ -> {
                    dev.compact();
                    dev.closeWatches();
                });
                impossible.add("etcd frozen");
            }
            default -> impossible.add("any of the API server");
        }
    }

    private void ofLine() {
        add("watches ended", "watches", false, 0, _ -> taps(Tap::endWatches));
        possible.add(new Fault(
                "watches answered 410 Gone",
                "watches",
                true,
                5,
                _ -> taps(t -> {
                    t.gone(true);
                    t.endWatches();
                }),
                _ -> taps(t -> t.gone(false))));
        possible.add(writes("slow writes", Tap.Trouble.SLOW));
        possible.add(writes("half of the writes fail", Tap.Trouble.FAILING));
        possible.add(writes("half of the writes' answers lost", Tap.Trouble.ANSWER_LOST));
        List<Tap> cut = new ArrayList<>();
        possible.add(new Fault(
                "leader cut off",
                "line",
                true,
                20,
                _ -> {
                    cut.add(rig.leader().tap());
                    cut.getLast().cutOff(true);
                },
                _ -> cut.removeLast().cutOff(false)));
    }

    private Fault writes(String name, Tap.Trouble trouble) {
        return new Fault(
                name, "line", true, 12, _ -> taps(t -> t.writes(trouble)), _ -> taps(t -> t.writes(Tap.Trouble.NONE)));
    }

    private void taps(Consumer<Tap> act) {
        rig.replicas.forEach(r -> act.accept(r.tap()));
    }

    private void ofProcesses() {
        add("leader killed", "process", false, 0, _ -> rig.leader().kill());
        possible.add(new Fault(
                "both replicas frozen",
                "process",
                true,
                20,
                _ -> rig.replicas.forEach(Replica::freeze),
                _ -> rig.replicas.forEach(Replica::thaw)));
        possible.add(new Fault(
                "leader frozen",
                "process",
                false,
                20,
                _ -> rig.leader().freeze(),
                _ -> rig.replicas.forEach(Replica::thaw)));
        if (rig.replicas.getFirst().clock().isPresent()) {
            possible.add(clock("clock of one replica 2 h ahead", 1, Duration.ofHours(2)));
            possible.add(clock("clock of one replica 2 h behind", 1, Duration.ofHours(-2)));
            possible.add(clock("clocks of both 70 days ahead, certificate renewed", 2, Duration.ofDays(70)));
        } else {
            impossible.add("clock jumps (no libfaketime here)");
        }
    }

    private Fault clock(String name, int replicas, Duration by) {
        return new Fault(
                name,
                "process",
                false,
                15,
                random -> {
                    int first = random.nextInt(2);
                    for (int i = 0; i < replicas; i++) {
                        rig.replicas.get((first + i) % 2).clock().orElseThrow().jump(by);
                    }
                },
                _ -> rig.replicas.forEach(r -> r.clock().orElseThrow().jump(Duration.ZERO)));
    }

    private void ofOthers() {
        add("node labels set and removed by others", "labels", false, 0, this::labels);
        add("stamps removed by others", "stamps", false, 0, this::stamps);
        add("certificate expired in the Secret", "certificate", false, 0, _ -> certificate());
        add(
                "certificate's Secret deleted",
                "certificate",
                false,
                0,
                _ -> rig.admin
                        .secrets()
                        .inNamespace("vmabi-system")
                        .withName(SECRET)
                        .delete());
        possible.add(new Fault(
                "malformed and hostile objects", "objects", false, 20, hostile::create, _ -> hostile.delete()));
    }

    private void labels(Random random) {
        List<String> abis =
                rig.admin.genericKubernetesResources("vmabi.dev/v1alpha1", "GuestABI").list().getItems().stream()
                        .map(g -> g.getMetadata().getName())
                        .filter(n -> n.matches("[0-9a-f]{64}"))
                        .map(n -> n.substring(0, 16))
                        .toList();
        for (int i = 0; i < 6; i++) {
            String node = rig.nodes().get(random.nextInt(rig.nodes().size()));
            Map<String, Object> labels = new TreeMap<>();
            Node present = rig.admin.nodes().withName(node).get();
            present.getMetadata().getLabels().keySet().stream()
                    .filter(l -> l.startsWith(PREFIX) && random.nextBoolean())
                    .forEach(l -> labels.put(l, null));
            abis.stream().filter(a -> random.nextInt(3) == 0).forEach(a -> labels.put(PREFIX + a, "true"));
            labels.put(PREFIX + "%016x".formatted(random.nextLong()), "true");
            merge(rig.admin.nodes().withName(node), labels);
        }
    }

    private static void merge(Resource<Node> node, Map<String, Object> labels) {
        Node _ = node.patch(MERGE, Serialization.asJson(Map.of("metadata", Map.of("labels", labels))));
    }

    /** Of VMs that have never moved, and are not about to: of the others nobody can tell what they had. */
    private void stamps(Random random) {
        churn.whileNobodyMoves(() -> removeStamps(random));
    }

    private void removeStamps(Random random) {
        List<GenericKubernetesResource> unmoved = rig
                .admin
                .genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                .inNamespace("default")
                .list()
                .getItems()
                .stream()
                .filter(v -> v.get("status", "migrationState") == null)
                .toList();
        Map<String, Object> none = new TreeMap<>();
        none.put("vmabi.dev/guest-abi", null);
        for (int i = 0; i < 4 && !unmoved.isEmpty(); i++) {
            GenericKubernetesResource vmi = unmoved.get(random.nextInt(unmoved.size()));
            GenericKubernetesResource _ = rig.admin
                    .resource(vmi)
                    .patch(
                            MERGE,
                            Serialization.asJson(Map.of("metadata", Map.of("labels", none, "annotations", none))));
        }
    }

    /** As if nobody had renewed it: the authority stands, what it signed ended a minute ago. */
    private void certificate() {
        CertificateAuthority authority = new CertificateAuthority("gate");
        CertificateAuthority.Issued expired =
                authority.issue("gate", List.of(), List.of("127.0.0.1"), Duration.ofMinutes(-1));
        Map<String, String> data = new TreeMap<>();
        data.put("ca.crt", authority.own().certificatePem());
        data.put("ca.key", authority.own().keyPem());
        data.put("tls.crt", expired.certificatePem());
        data.put("tls.key", expired.keyPem());
        data.replaceAll((_, pem) -> Base64.getEncoder().encodeToString(pem.getBytes(StandardCharsets.US_ASCII)));
        Secret _ = rig.admin
                .secrets()
                .inNamespace("vmabi-system")
                .withName(SECRET)
                .patch(MERGE, Serialization.asJson(Map.of("data", data)));
    }

    private void ofAgents() {
        add("six nodes reboot three times each", "agents", false, 0, random -> {
            List<String> some = some(random, 6);
            for (int i = 0; i < 3; i++) {
                some.forEach(churn::reboot);
            }
        });
        agents("kernels refuse what they were measured to take", churn::refuse);
        agents("agents report an earlier boot", (node, _) -> churn.lie(node, Map.of("bootID", "an-earlier-boot")));
        agents(
                "agents report a profile that nobody has",
                (node, random) -> churn.lie(
                        node,
                        Map.of("profile", "%016x".formatted(random.nextLong()).repeat(4))));
        agents(
                "agents report that KVM is gone",
                (node, _) -> churn.lie(node, Map.of("kvm", Map.of("state", "NoDevice", "message", "x".repeat(500)))));
    }

    private void agents(String name, BiConsumer<String, Random> lie) {
        List<String> nodes = new ArrayList<>();
        possible.add(new Fault(
                name,
                "agents",
                false,
                8,
                random -> {
                    nodes.clear();
                    nodes.addAll(some(random, 4));
                    nodes.forEach(n -> lie.accept(n, random));
                },
                _ -> nodes.forEach(churn::tellTheTruth)));
    }

    private List<String> some(Random random, int number) {
        List<String> nodes = new ArrayList<>(rig.nodes());
        Collections.shuffle(nodes, random);
        return nodes.subList(0, number);
    }

    private void add(String name, String group, boolean blocks, int seconds, Fault.Act act) {
        possible.add(new Fault(name, group, blocks, seconds, act, _ -> {}));
    }
}
