package dev.vmabi.operator;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetSource;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.Verdicts;
import dev.vmabi.operator.node.NamesOnly;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.jboss.logging.Logger;

/**
 * The fleet in memory, kept by watches. Every replica has one: the leader decides from it, all of them admit from it.
 *
 * <p>Only what decisions need is kept, and a change that no decision can see (a kubelet's heartbeat, say) changes
 * nothing. Changes are gathered for a moment, the fleet is made anew once, and only then are listeners told, so that
 * whoever is told sees at least what it was told of.
 */
@ApplicationScoped
public class FleetCache implements FleetSource {
    private static final Logger LOG = Logger.getLogger(FleetCache.class);
    private static final long GATHER_MILLIS = 50;

    /** Told after the fleet was made anew. */
    public interface Listener {
        void changed(Fleet before, Fleet now);
    }

    private final KubernetesClient client;
    private final Views views;
    private final Verdicts verdicts = new Verdicts();
    private final ScheduledExecutorService gatherer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("fleet-cache").daemon().factory());
    private final List<SharedIndexInformer<?>> informers = new ArrayList<>();
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final AtomicBoolean dirty = new AtomicBoolean();

    private final Map<String, FleetState.Policy> policies = new ConcurrentHashMap<>();
    private final Map<String, FleetState.Node> nodes = new ConcurrentHashMap<>();
    private final Map<String, FleetState.Report> reports = new ConcurrentHashMap<>();
    private final Map<Digest, HostProfile> profiles = new ConcurrentHashMap<>();
    private final Map<Digest, GuestAbi> guestAbis = new ConcurrentHashMap<>();
    private final Map<String, Map<String, String>> namespaces = new ConcurrentHashMap<>();
    private final Map<String, GenericKubernetesResource> vmis = new ConcurrentHashMap<>();
    private volatile Optional<Fleet> fleet = Optional.empty();
    private volatile SharedIndexInformer<GenericKubernetesResource> vmiInformer;
    private ScheduledFuture<?> gathering;

    FleetCache(KubernetesClient client, ObjectMapper json) {
        this.client = client;
        this.views = new Views(json);
    }

    @Override
    public Optional<Fleet> fleet() {
        return fleet;
    }

    public void listen(Listener listener) {
        listeners.add(listener);
    }

    void start(@Observes StartupEvent event) {
        watch(client.resources(VirtualMachineABI.class).runnableInformer(0), this::policyChanged, this::policyGone);
        watch(
                client.nodes().runnableInformer(0).itemStore(new NamesOnly()),
                this::nodeChanged,
                n -> nodes.remove(name(n)) != null);
        watch(client.namespaces().runnableInformer(0), this::namespaceChanged, n -> namespaces.remove(name(n)) != null);
        watch(own("NodeABI", "nodeabis"), this::reportChanged, n -> reports.remove(name(n)) != null);
        watch(own("ABIProfile", "abiprofiles"), this::profileChanged, p -> remove(profiles, p));
        watch(own("GuestABI", "guestabis"), this::guestAbiChanged, g -> remove(guestAbis, g));
        informers.add(KubeVirtPresence.watch(client, this::kubeVirtCame, this::kubeVirtWent));
        gathering = gatherer.scheduleWithFixedDelay(this::gather, GATHER_MILLIS, GATHER_MILLIS, TimeUnit.MILLISECONDS);
        markDirty();
    }

    void stop(@Observes ShutdownEvent event) {
        gathering.cancel(false);
        gatherer.shutdown();
        informers.forEach(SharedIndexInformer::close);
        kubeVirtWent();
    }

    private void markDirty() {
        dirty.set(true);
    }

    private void gather() {
        try {
            SharedIndexInformer<?> vms = vmiInformer;
            if (!informers.stream().allMatch(SharedIndexInformer::hasSynced)
                    || (vms != null && !vms.hasSynced())
                    || !dirty.compareAndSet(true, false)) {
                return;
            }
            Fleet before = fleet.orElse(null);
            Fleet now = new Fleet(state(), verdicts);
            fleet = Optional.of(now);
            listeners.forEach(l -> l.changed(before, now));
        } catch (RuntimeException e) {
            LOG.error("the fleet could not be made anew; the last one stays", e);
        }
    }

    private FleetState state() {
        List<FleetState.Node> withReports = nodes.values().stream()
                .map(n -> new FleetState.Node(
                        n.name(),
                        n.uid(),
                        n.labels(),
                        n.architecture(),
                        n.ready(),
                        n.schedulable(),
                        n.bootId(),
                        n.kernelVersion(),
                        n.guestAbiLabels(),
                        Optional.ofNullable(reports.get(n.name()))))
                .toList();
        List<FleetState.Vm> vms = vmis.values().stream()
                .map(v -> Views.vm(v, namespaces.getOrDefault(v.getMetadata().getNamespace(), Map.of())))
                .flatMap(Optional::stream)
                .toList();
        return new FleetState(
                List.copyOf(policies.values()),
                withReports,
                new HashMap<>(profiles),
                new HashMap<>(guestAbis),
                vms,
                new HashMap<>(namespaces));
    }

    private boolean policyChanged(VirtualMachineABI policy) {
        FleetState.Policy view = Views.policy(policy);
        return !view.equals(policies.put(view.name(), view));
    }

    private boolean policyGone(VirtualMachineABI policy) {
        return policies.remove(name(policy)) != null;
    }

    private boolean nodeChanged(Node node) {
        FleetState.Node view = Views.node(node);
        return !view.equals(nodes.put(view.name(), view));
    }

    private boolean namespaceChanged(Namespace namespace) {
        Map<String, String> labels = Map.copyOf(Views.labels(namespace));
        return !labels.equals(namespaces.put(name(namespace), labels));
    }

    private boolean reportChanged(GenericKubernetesResource nodeAbi) {
        FleetState.Report report = views.report(nodeAbi);
        return report.spec() == null
                ? reports.remove(name(nodeAbi)) != null
                : !report.equals(reports.put(name(nodeAbi), report));
    }

    private boolean profileChanged(GenericKubernetesResource object) {
        HostProfile profile = views.part(object, "spec", ABIProfileSpec.class).toHostProfile();
        return profile.digest().hex().equals(name(object)) && profiles.put(profile.digest(), profile) == null;
    }

    private boolean guestAbiChanged(GenericKubernetesResource object) {
        GuestAbi abi = views.part(object, "spec", GuestABISpec.class).toGuestAbi();
        return abi.digest().hex().equals(name(object)) && guestAbis.put(abi.digest(), abi) == null;
    }

    private static <T> boolean remove(Map<Digest, T> map, GenericKubernetesResource object) {
        return map.keySet().removeIf(d -> d.hex().equals(name(object)));
    }

    private void kubeVirtCame(ResourceDefinitionContext vmi) {
        if (vmiInformer != null) {
            return;
        }
        SharedIndexInformer<GenericKubernetesResource> informer =
                client.genericKubernetesResources(vmi).inAnyNamespace().runnableInformer(0);
        informer.addEventHandler(new GuardedHandler<>(
                v -> !v.equals(vmis.put(key(v), v)), v -> vmis.remove(key(v)) != null, this::markDirty));
        vmiInformer = informer;
        LOG.info("KubeVirt's VirtualMachineInstances are served; watching them");
        informer.start();
    }

    private void kubeVirtWent() {
        SharedIndexInformer<GenericKubernetesResource> informer = vmiInformer;
        if (informer != null) {
            vmiInformer = null;
            informer.close();
            vmis.clear();
            markDirty();
        }
    }

    private SharedIndexInformer<GenericKubernetesResource> own(String kind, String plural) {
        return client.genericKubernetesResources(new ResourceDefinitionContext.Builder()
                        .withGroup(Names.GROUP)
                        .withVersion(Names.VERSION)
                        .withKind(kind)
                        .withPlural(plural)
                        .withNamespaced(false)
                        .build())
                .runnableInformer(0);
    }

    private <T extends HasMetadata> void watch(
            SharedIndexInformer<T> informer, Predicate<T> changed, Predicate<T> gone) {
        informer.addEventHandler(new GuardedHandler<>(changed, gone, this::markDirty));
        informer.exceptionHandler((started, error) -> {
            LOG.warnf("a watch failed and is tried again: %s", error.getMessage());
            return true;
        });
        informers.add(informer);
        informer.start();
    }

    private static String name(HasMetadata object) {
        return object.getMetadata().getName();
    }

    private static String key(HasMetadata object) {
        return Objects.toString(object.getMetadata().getNamespace(), "") + "/" + name(object);
    }
}
