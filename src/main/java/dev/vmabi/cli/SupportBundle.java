package dev.vmabi.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vmabi.api.Names;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.Views;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a maintainer needs to see of a cluster, as files by name: the project's objects whole, and of nodes, VMs and
 * migrations only what decisions go by. No Secret is read, no annotation of others is kept, and of a VM neither its
 * labels nor its volumes.
 */
final class SupportBundle {
    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    private static final int PORT = 8080;

    private final KubernetesClient client;
    private final Map<String, byte[]> files = new LinkedHashMap<>();
    private final List<String> missing = new ArrayList<>();

    private SupportBundle(KubernetesClient client) {
        this.client = client;
    }

    /**
     * @param files their contents by their names
     * @param missing what could not be read, and why, in one line each
     */
    record Collected(Map<String, byte[]> files, List<String> missing) {}

    /** Reads the cluster; what cannot be read is left out and named. */
    static Collected of(KubernetesClient client, Instant now) {
        SupportBundle bundle = new SupportBundle(client);
        bundle.about(now);
        Set<String> inScope = new TreeSet<>(List.of("kubernetes.io/arch", "kubernetes.io/hostname"));
        bundle.own("VirtualMachineABI", "virtualmachineabis")
                .forEach(policy -> selected(policy).ifPresent(inScope::addAll));
        List.of("NodeABI nodeabis", "ABIProfile abiprofiles", "GuestABI guestabis").stream()
                .map(kind -> kind.split(" ", -1))
                .forEach(kind -> bundle.own(kind[0], kind[1]));
        bundle.nodes(inScope);
        bundle.kubevirt("virtualmachineinstances", "VirtualMachineInstance", SupportBundle::vm);
        bundle.kubevirt(
                "virtualmachineinstancemigrations", "VirtualMachineInstanceMigration", SupportBundle::migration);
        bundle.events();
        bundle.replicas();
        if (!bundle.missing.isEmpty()) {
            bundle.put("missing.txt", String.join("\n", bundle.missing) + "\n");
        }
        return new Collected(bundle.files, bundle.missing);
    }

    private void about(Instant now) {
        Map<String, String> about = new LinkedHashMap<>();
        about.put("collected", now.toString());
        about.put(
                "vmabi",
                Objects.requireNonNullElse(SupportBundle.class.getPackage().getImplementationVersion(), "unknown"));
        read("about.json", () -> {
            about.put("kubernetes", client.getKubernetesVersion().getGitVersion());
            return about;
        });
    }

    private List<GenericKubernetesResource> own(String kind, String plural) {
        List<GenericKubernetesResource> objects = new ArrayList<>();
        read(plural + ".json", () -> {
            objects.addAll(list(Names.GROUP, Names.VERSION, kind, plural, false));
            objects.forEach(o -> {
                o.getMetadata().setManagedFields(null);
                o.getMetadata().setAnnotations(null);
            });
            return objects;
        });
        return objects;
    }

    /** The keys of a policy's node selector. */
    private static Optional<Set<String>> selected(GenericKubernetesResource policy) {
        try {
            LabelSelector selector = JSON.convertValue(policy.<Object>get("spec", "nodeSelector"), LabelSelector.class);
            Set<String> keys = new TreeSet<>();
            if (selector.getMatchLabels() != null) {
                keys.addAll(selector.getMatchLabels().keySet());
            }
            if (selector.getMatchExpressions() != null) {
                selector.getMatchExpressions().forEach(e -> keys.add(e.getKey()));
            }
            return Optional.of(keys);
        } catch (IllegalArgumentException | NullPointerException malformed) {
            return Optional.empty();
        }
    }

    private void nodes(Set<String> inScope) {
        read(
                "nodes.json",
                () -> ClusterReader.all(client.nodes()).stream()
                        .map(node -> node(node, inScope))
                        .toList());
    }

    private static Map<String, Object> node(Node node, Set<String> inScope) {
        FleetState.Node seen = Views.node(node);
        Map<String, String> labels = new TreeMap<>(seen.labels());
        labels.keySet()
                .removeIf(key -> !inScope.contains(key)
                        && !key.startsWith(Names.NODE_LABEL_PREFIX)
                        && !key.startsWith(Names.VMM_LABEL_PREFIX)
                        && !key.startsWith("machine-type.node.kubevirt.io/")
                        && !key.equals("kubevirt.io/schedulable"));
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("name", seen.name());
        tree.put("uid", seen.uid());
        tree.put("architecture", seen.architecture());
        tree.put("kernel", seen.kernelVersion());
        tree.put("bootId", seen.bootId());
        tree.put("ready", seen.ready());
        tree.put("cordoned", !seen.schedulable());
        tree.put("labels", labels);
        return tree;
    }

    private static Map<String, Object> vm(GenericKubernetesResource vmi) {
        Map<String, Object> tree = object(vmi);
        tree.put("node", vmi.get("status", "nodeName"));
        tree.put("architecture", vmi.get("spec", "architecture"));
        tree.put("machine", vmi.get("status", "machine", "type"));
        tree.put("cpuFeatures", vmi.get("spec", "domain", "cpu", "features"));
        tree.put("stampLabel", Views.labels(vmi).get(Names.STAMP));
        tree.put("stampAnnotation", annotation(vmi, Names.STAMP));
        tree.put("stampedIn", annotation(vmi, Names.STAMPED_IN));
        tree.put("clamp", annotation(vmi, Names.CLAMP));
        tree.put("evacuates", vmi.get("status", "evacuationNodeName"));
        tree.values().removeIf(Objects::isNull);
        return tree;
    }

    private static Map<String, Object> migration(GenericKubernetesResource vmim) {
        Map<String, Object> tree = object(vmim);
        tree.put("vm", vmim.get("spec", "vmiName"));
        tree.put("addedNodeSelector", vmim.get("spec", "addedNodeSelector"));
        tree.put("retried", annotation(vmim, Names.RETRIED));
        tree.values().removeIf(Objects::isNull);
        return tree;
    }

    /** What VMs and migrations have in common; what one of them lacks is null. */
    private static Map<String, Object> object(GenericKubernetesResource object) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("namespace", object.getMetadata().getNamespace());
        tree.put("name", object.getMetadata().getName());
        tree.put("uid", object.getMetadata().getUid());
        tree.put("created", object.getMetadata().getCreationTimestamp());
        tree.put("phase", object.get("status", "phase"));
        List.of("sourceNode", "targetNode", "startTimestamp", "endTimestamp", "completed", "failed", "failureReason")
                .forEach(field -> tree.put(field, object.get("status", "migrationState", field)));
        return tree;
    }

    private static String annotation(GenericKubernetesResource object, String key) {
        return Objects.requireNonNullElse(object.getMetadata().getAnnotations(), Map.<String, String>of())
                .get(key);
    }

    private interface Row {
        Map<String, Object> of(GenericKubernetesResource object);
    }

    /** None of a kind that the cluster does not serve is nothing missing. */
    private void kubevirt(String plural, String kind, Row row) {
        read(plural + ".json", () -> {
            try {
                return list("kubevirt.io", "v1", kind, plural, true).stream()
                        .map(row::of)
                        .toList();
            } catch (KubernetesClientException e) {
                if (e.getCode() == 404) {
                    return List.of();
                }
                throw e;
            }
        });
    }

    private void events() {
        read(
                "events.json",
                () -> ClusterReader.all(client.events()
                                .v1()
                                .events()
                                .inAnyNamespace()
                                .withLabel("app.kubernetes.io/managed-by", Names.OPERATOR_MANAGER))
                        .stream()
                        .map(e -> Map.of(
                                "at",
                                        String.valueOf(
                                                e.getEventTime() == null
                                                        ? null
                                                        : e.getEventTime().getTime()),
                                "kind", e.getRegarding().getKind(),
                                "namespace",
                                        Objects.requireNonNullElse(
                                                e.getRegarding().getNamespace(), ""),
                                "name", e.getRegarding().getName(),
                                "reason", e.getReason(),
                                "note", e.getNote()))
                        .toList());
    }

    /** What every replica counts and, where it records that, has decided of late, through the API server. */
    private void replicas() {
        attempt("metrics and recordings of the operator", () -> {
            for (Pod pod : client.pods()
                    .inAnyNamespace()
                    .withLabel("app.kubernetes.io/name", "vmabi")
                    .withLabel("app.kubernetes.io/component", "operator")
                    .list()
                    .getItems()) {
                String name = pod.getMetadata().getName();
                String root = "/api/v1/namespaces/" + pod.getMetadata().getNamespace() + "/pods/" + name + ":" + PORT
                        + "/proxy/";
                fetch("metrics-" + name + ".txt", root + "metrics");
                fetch("recording-" + name + ".json", root + "flight-recording");
            }
        });
    }

    private void fetch(String file, String path) {
        attempt(file, () -> put(file, client.raw(path)));
    }

    private List<GenericKubernetesResource> list(
            String group, String version, String kind, String plural, boolean namespaced) {
        var resources = ClusterReader.resources(client, group, version, kind, plural, namespaced);
        return ClusterReader.all(namespaced ? resources.inAnyNamespace() : resources);
    }

    private interface Reading {
        Object get();
    }

    private void read(String file, Reading what) {
        attempt(file, () -> {
            try {
                put(file, JSON.writeValueAsString(what.get()) + "\n");
            } catch (JsonProcessingException e) {
                throw new IllegalStateException("maps, lists and objects of Kubernetes can always be written", e);
            }
        });
    }

    private void attempt(String what, Runnable reading) {
        try {
            reading.run();
        } catch (KubernetesClientException e) {
            missing.add(what + ": " + why(e));
        }
    }

    private static String why(KubernetesClientException e) {
        return e.getStatus() != null && e.getStatus().getMessage() != null
                ? e.getStatus().getMessage().lines().findFirst().orElse("")
                : String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private void put(String file, String text) {
        files.put(file, text.getBytes(StandardCharsets.UTF_8));
    }
}
