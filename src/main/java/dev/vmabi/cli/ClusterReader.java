package dev.vmabi.cli;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.Names;
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
import java.util.Optional;
import java.util.function.Function;

/** Reads the fleet once, page by page. What does not hold is left out, as the operator leaves it out. */
final class ClusterReader {
    private static final long PAGE = 500;

    private final KubernetesClient client;

    ClusterReader(KubernetesClient client) {
        this.client = client;
    }

    FleetState read() {
        List<FleetState.Policy> policies = all(own("VirtualMachineABI", "virtualmachineabis")).stream()
                .flatMap(p -> held(p, one -> Optional.of(Views.policy(one))).stream())
                .toList();
        Map<String, FleetState.Report> reports = new HashMap<>();
        for (GenericKubernetesResource report : all(own("NodeABI", "nodeabis"))) {
            held(report, Views::report)
                    .ifPresent(r -> reports.put(report.getMetadata().getName(), r));
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
                content("ABIProfile", "abiprofiles", Views::profile, HostProfile::digest),
                content("GuestABI", "guestabis", Views::guestAbi, GuestAbi::digest),
                vms(namespaces),
                namespaces);
    }

    private List<FleetState.Vm> vms(Map<String, Map<String, String>> namespaces) {
        try {
            return all(resources(client, "kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", true)
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

    private <T> Map<Digest, T> content(
            String kind,
            String plural,
            Function<GenericKubernetesResource, Optional<T>> read,
            Function<T, Digest> digest) {
        Map<Digest, T> content = new HashMap<>();
        for (GenericKubernetesResource object : all(own(kind, plural))) {
            held(object, read).ifPresent(value -> content.put(digest.apply(value), value));
        }
        return content;
    }

    /** What an object holds; empty where it is not of its shape: the operator says so on the object. */
    private static <T> Optional<T> held(
            GenericKubernetesResource object, Function<GenericKubernetesResource, Optional<T>> read) {
        try {
            return read.apply(object);
        } catch (IllegalArgumentException | NullPointerException e) {
            return Optional.empty();
        }
    }

    /** Objects of the project's own, as they are: a later version may have written them. */
    MixedOperation<GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>> own(
            String kind, String plural) {
        return resources(client, Names.GROUP, Names.VERSION, kind, plural, false);
    }

    static MixedOperation<GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
            resources(
                    KubernetesClient client,
                    String group,
                    String version,
                    String kind,
                    String plural,
                    boolean namespaced) {
        return client.genericKubernetesResources(new ResourceDefinitionContext.Builder()
                .withGroup(group)
                .withVersion(version)
                .withKind(kind)
                .withPlural(plural)
                .withNamespaced(namespaced)
                .build());
    }

    /** A whole list, page by page. */
    static <T extends HasMetadata, L extends KubernetesResourceList<T>> List<T> all(Listable<L> of) {
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
