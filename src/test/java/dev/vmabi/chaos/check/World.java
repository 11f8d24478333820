package dev.vmabi.chaos.check;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.ContentStatus;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABISpec;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.chaos.check.Picture.Content;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;

/** What is in the cluster, kept by watches that are nobody else's. */
final class World implements AutoCloseable {
    private static final String OWN = "vmabi.dev/v1alpha1";

    private final Map<String, Picture.Node> nodes = new ConcurrentHashMap<>();
    private final Map<String, Picture.Report> reports = new ConcurrentHashMap<>();
    private final Map<String, Content<HostProfile>> profiles = new ConcurrentHashMap<>();
    private final Map<String, Content<GuestAbi>> guestAbis = new ConcurrentHashMap<>();
    private final Map<String, Picture.Policy> policies = new ConcurrentHashMap<>();
    private final Map<String, Picture.Vm> vms = new ConcurrentHashMap<>();
    private final List<SharedIndexInformer<?>> informers = new ArrayList<>();
    private volatile Instant renewed = Instant.MIN;

    private final KubernetesClient client;

    World(KubernetesClient client) {
        this.client = client;
    }

    /**
     * Begins to look.
     *
     * @param vm told of each VM that is seen, at once
     * @param policy told of each policy that is seen, at once
     */
    void start(Consumer<Picture.Vm> vm, Consumer<Picture.Policy> policy) {
        watch(client.nodes().runnableInformer(0), nodes, World::node, n -> {});
        watch(own("NodeABI", "nodeabis"), reports, World::report, r -> {});
        watch(own("ABIProfile", "abiprofiles"), profiles, World::profile, p -> {});
        watch(own("GuestABI", "guestabis"), guestAbis, World::guestAbi, g -> {});
        watch(own("VirtualMachineABI", "virtualmachineabis"), policies, World::policy, policy);
        watch(
                client.genericKubernetesResources("kubevirt.io/v1", "VirtualMachineInstance")
                        .inAnyNamespace()
                        .runnableInformer(0),
                vms,
                World::vm,
                vm);
        watch(
                client.leases()
                        .inNamespace("vmabi-system")
                        .withName("vmabi-operator")
                        .runnableInformer(0),
                new ConcurrentHashMap<>(),
                lease -> lease,
                lease -> renewed = Instant.now());
    }

    /** When somebody was last seen to renew the lease. */
    Instant renewed() {
        return renewed;
    }

    Picture picture() {
        return new Picture(
                new TreeMap<>(nodes),
                new TreeMap<>(reports),
                new TreeMap<>(profiles),
                new TreeMap<>(guestAbis),
                new TreeMap<>(policies),
                new TreeMap<>(vms));
    }

    boolean complete() {
        return informers.stream().allMatch(SharedIndexInformer::hasSynced);
    }

    private SharedIndexInformer<GenericKubernetesResource> own(String kind, String plural) {
        return client.genericKubernetesResources(new ResourceDefinitionContext.Builder()
                        .withGroup("vmabi.dev")
                        .withVersion(OWN.substring(OWN.indexOf('/') + 1))
                        .withKind(kind)
                        .withPlural(plural)
                        .withNamespaced(false)
                        .build())
                .withLimit(200L)
                .runnableInformer(0);
    }

    private <T extends HasMetadata, V> void watch(
            SharedIndexInformer<T> informer, Map<String, V> into, Function<T, V> view, Consumer<V> told) {
        informer.addEventHandler(new ResourceEventHandler<>() {
            @Override
            public void onAdd(T object) {
                V seen = view.apply(object);
                into.put(key(object), seen);
                told.accept(seen);
            }

            @Override
            public void onUpdate(T before, T object) {
                onAdd(object);
            }

            @Override
            public void onDelete(T object, boolean finalStateUnknown) {
                into.remove(key(object));
            }
        });
        informer.exceptionHandler((started, error) -> true);
        informer.start();
        informers.add(informer);
    }

    private static String key(HasMetadata object) {
        String namespace = object.getMetadata().getNamespace();
        return (namespace == null ? "" : namespace + "/") + object.getMetadata().getName();
    }

    private static Picture.Node node(Node node) {
        String boot = node.getStatus() == null || node.getStatus().getNodeInfo() == null
                ? ""
                : Objects.requireNonNullElse(node.getStatus().getNodeInfo().getBootID(), "");
        return new Picture.Node(node.getMetadata().getName(), Map.copyOf(labels(node)), boot, created(node));
    }

    private static Picture.Report report(GenericKubernetesResource object) {
        return new Picture.Report(part(object, "spec", NodeABISpec.class), part(object, "status", NodeABIStatus.class));
    }

    private static Content<HostProfile> profile(GenericKubernetesResource object) {
        return content(
                object,
                ABIProfileSpec.class,
                ABIProfileSpec::toHostProfile,
                p -> p.digest().hex());
    }

    private static Content<GuestAbi> guestAbi(GenericKubernetesResource object) {
        return content(
                object,
                GuestABISpec.class,
                GuestABISpec::toGuestAbi,
                g -> g.digest().hex());
    }

    private static <S, T> Content<T> content(
            GenericKubernetesResource object, Class<S> spec, Function<S, T> read, Function<T, String> digest) {
        Optional<T> content;
        try {
            content = part(object, "spec", spec)
                    .map(read)
                    .filter(c -> digest.apply(c).equals(object.getMetadata().getName()));
        } catch (IllegalArgumentException e) {
            content = Optional.empty();
        }
        Optional<Boolean> said = part(object, "status", ContentStatus.class)
                .map(ContentStatus::conditions)
                .flatMap(conditions -> conditions.stream()
                        .filter(c -> c.getType().equals("Valid"))
                        .findFirst())
                .map(c -> c.getStatus().equals("True"));
        return new Content<>(content, said);
    }

    private static Picture.Policy policy(GenericKubernetesResource object) {
        return new Picture.Policy(
                object.getMetadata().getName(),
                object.getMetadata().getUid(),
                created(object),
                part(object, "spec", VirtualMachineABISpec.class),
                part(object, "status", VirtualMachineABIStatus.class));
    }

    private static Picture.Vm vm(GenericKubernetesResource object) {
        String node = object.get("status", "nodeName");
        boolean runs = "Running".equals(object.get("status", "phase")) && node != null && !node.isEmpty();
        return new Picture.Vm(
                key(object),
                object.getMetadata().getUid(),
                runs ? Optional.of(node) : Optional.empty(),
                Optional.ofNullable(labels(object).get(Expected.STAMP)));
    }

    /** Empty where there is none or it is not of its shape. */
    private static <T> Optional<T> part(GenericKubernetesResource object, String name, Class<T> type) {
        try {
            return Optional.ofNullable(
                    Stored.read(object.getAdditionalProperties().get(name), name, type)
                            .value());
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static Map<String, String> labels(HasMetadata object) {
        return Objects.requireNonNullElse(object.getMetadata().getLabels(), Map.of());
    }

    private static Instant created(HasMetadata object) {
        return Instant.parse(object.getMetadata().getCreationTimestamp());
    }

    @Override
    public void close() {
        informers.forEach(SharedIndexInformer::close);
    }
}
