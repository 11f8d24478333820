package dev.vmabi.cli;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.Views;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.KubernetesResourceList;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.Listable;
import io.fabric8.kubernetes.client.dsl.MixedOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/** Reads the fleet once, page by page. What does not hold is left out, as the operator leaves it out. */
final class ClusterReader {
    private static final long PAGE = 500;

    private final KubernetesClient client;
    private final ObjectMapper json = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    ClusterReader(KubernetesClient client) {
        this.client = client;
    }

    FleetState read() {
        List<FleetState.Policy> policies = all(client.resources(VirtualMachineABI.class)).stream()
                .map(Views::policy)
                .toList();
        Map<String, FleetState.Report> reports = new HashMap<>();
        for (GenericKubernetesResource report : own("NodeABI", "nodeabis")) {
            report(report).ifPresent(r -> reports.put(report.getMetadata().getName(), r));
        }
        List<FleetState.Node> nodes = all(client.nodes()).stream()
                .map(Views::node)
                .map(n -> n.with(Optional.ofNullable(reports.get(n.name()))))
                .toList();
        Map<String, Map<String, String>> namespaces = new HashMap<>();
        all(client.namespaces()).forEach(n -> namespaces.put(n.getMetadata().getName(), Views.labels(n)));
        return new FleetState(
                policies,
                nodes,
                content("ABIProfile", "abiprofiles", this::profile, HostProfile::digest),
                content("GuestABI", "guestabis", this::guestAbi, GuestAbi::digest),
                vms(namespaces),
                namespaces);
    }

    private List<FleetState.Vm> vms(Map<String, Map<String, String>> namespaces) {
        try {
            return all(resources("kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", true)
                            .inAnyNamespace())
                    .stream()
                    .map(Views::vm)
                    .flatMap(Optional::stream)
                    .map(v -> v.in(namespaces.getOrDefault(v.namespace(), Map.of())))
                    .toList();
        } catch (KubernetesClientException e) {
            if (e.getCode() == 404) {
                return List.of();
            }
            throw e;
        }
    }

    private Optional<FleetState.Report> report(GenericKubernetesResource nodeAbi) {
        try {
            NodeABISpec spec = part(nodeAbi, "spec", NodeABISpec.class);
            return spec == null
                    ? Optional.empty()
                    : Optional.of(new FleetState.Report(
                            Objects.requireNonNullElse(nodeAbi.getMetadata().getGeneration(), 0L),
                            spec,
                            part(nodeAbi, "status", NodeABIStatus.class)));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private HostProfile profile(GenericKubernetesResource object) {
        return part(object, "spec", ABIProfileSpec.class).toHostProfile();
    }

    private GuestAbi guestAbi(GenericKubernetesResource object) {
        return part(object, "spec", GuestABISpec.class).toGuestAbi();
    }

    private <T> Map<Digest, T> content(
            String kind, String plural, Function<GenericKubernetesResource, T> read, Function<T, Digest> digest) {
        Map<Digest, T> content = new HashMap<>();
        for (GenericKubernetesResource object : own(kind, plural)) {
            held(object, read)
                    .filter(value -> digest.apply(value)
                            .hex()
                            .equals(object.getMetadata().getName()))
                    .ifPresent(value -> content.put(digest.apply(value), value));
        }
        return content;
    }

    /** What an object holds; empty where it is not of its shape: the operator says so on the object. */
    private static <T> Optional<T> held(GenericKubernetesResource object, Function<GenericKubernetesResource, T> read) {
        try {
            return Optional.of(read.apply(object));
        } catch (IllegalArgumentException | NullPointerException e) {
            return Optional.empty();
        }
    }

    private <T> T part(GenericKubernetesResource object, String name, Class<T> type) {
        return json.convertValue(object.getAdditionalProperties().get(name), type);
    }

    private List<GenericKubernetesResource> own(String kind, String plural) {
        return all(resources(Names.GROUP, Names.VERSION, kind, plural, false));
    }

    private MixedOperation<
                    GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
            resources(String group, String version, String kind, String plural, boolean namespaced) {
        return client.genericKubernetesResources(new ResourceDefinitionContext.Builder()
                .withGroup(group)
                .withVersion(version)
                .withKind(kind)
                .withPlural(plural)
                .withNamespaced(namespaced)
                .build());
    }

    private static <T extends HasMetadata, L extends KubernetesResourceList<T>> List<T> all(Listable<L> of) {
        List<T> all = new ArrayList<>();
        String more = null;
        do {
            L page = of.list(
                    new ListOptionsBuilder().withLimit(PAGE).withContinue(more).build());
            all.addAll(page.getItems());
            more = page.getMetadata() == null ? null : page.getMetadata().getContinue();
        } while (more != null && !more.isEmpty());
        return all;
    }
}
