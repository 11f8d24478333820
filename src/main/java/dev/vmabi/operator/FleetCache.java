package dev.vmabi.operator;

import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.FleetSource;
import dev.vmabi.fleet.FleetState;
import dev.vmabi.fleet.PersistentMap;
import dev.vmabi.fleet.Verdicts;
import dev.vmabi.fleet.Views;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiPredicate;
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

    /** Objects that a list brings at one time; with 500, a page outlived the young generation (docs/performance.md). */
    public static final long PAGE = 100;

    /** Told after the fleet was made anew. */
    public interface Listener {
        /**
         * Looks at what has changed.
         *
         * @param before null if all is to be looked at: at first, after a listener has failed, and when timers may not do so
         *     (see {@link WallClock})
         */
        void changed(Fleet before, Fleet now);
    }

    private final KubernetesClient client;
    private final WallClock wallClock;
    private final Verdicts verdicts = new Verdicts();
    private final ScheduledExecutorService gatherer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("fleet-cache").daemon().factory());
    private final List<Watched<?>> watches = new ArrayList<>();
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final AtomicBoolean dirty = new AtomicBoolean();

    /** Of these the state does not know the latest yet. */
    private final Set<String> changedNodes = ConcurrentHashMap.newKeySet();

    private final Set<String> changedVms = ConcurrentHashMap.newKeySet();

    private final Map<String, FleetState.Policy> policies = new ConcurrentHashMap<>();
    private final Latest<FleetState.Node> nodes = new Latest<>();
    private final Latest<FleetState.Report> reports = new Latest<>();
    private final Shared shared = new Shared();
    private final Latest<Optional<FleetState.Vm>> vms = new Latest<>();
    private final Map<Digest, HostProfile> profiles = new ConcurrentHashMap<>();
    private final Map<Digest, GuestAbi> guestAbis = new ConcurrentHashMap<>();
    private final Map<String, Map<String, String>> namespaces = new ConcurrentHashMap<>();
    private volatile Optional<Fleet> fleet = Optional.empty();
    private FleetState state = new FleetState(List.of(), List.of(), Map.of(), Map.of(), List.of(), Map.of());
    private Served vmis;
    private ScheduledFuture<?> gathering;
    private boolean lookAtAll;
    private volatile boolean behind;

    FleetCache(KubernetesClient client, Clock clock, MeterRegistry meters) {
        this.client = client;
        Gauge.builder("vmabi.fleet.behind", this, c -> c.behind ? 1 : 0)
                .description(
                        "1 while what was told of the cluster could not be taken in, so that decisions go by what was before")
                .register(meters);
        wallClock = new WallClock(clock, System::nanoTime);
    }

    @Override
    public Optional<Fleet> fleet() {
        return fleet;
    }

    public void listen(Listener listener) {
        listeners.add(listener);
    }

    /**
     * A node as decisions are to see it now: what was written to it is there before the watch tells of it and the fleet
     * is made anew.
     */
    public FleetState.Node live(FleetState.Node node) {
        return node.written(nodes.get(node.name()), reports.get(node.name()));
    }

    /** The stamp that a VM has now: the last one written is there before the watch tells of it. */
    public Optional<String> liveStamp(FleetState.Vm vm) {
        return vms.get(vm.key()).flatMap(now -> now).or(() -> Optional.of(vm)).flatMap(FleetState.Vm::stamp);
    }

    /** Whether the guest ABI exists as an object now. */
    public boolean exists(Digest guestAbi) {
        return guestAbis.containsKey(guestAbi);
    }

    /** The resource version of a node as it is known now; null if it is gone. */
    String version(FleetState.Node node) {
        return nodes.version(node.name()).orElse(null);
    }

    /** The resource version of a node's NodeABI as it is known now; null if it is gone. */
    String reportVersion(String node) {
        return reports.version(node).orElse(null);
    }

    /** The resource version of a VM as it is known now; null if it is gone. */
    String version(FleetState.Vm vm) {
        return vms.version(vm.key()).orElse(null);
    }

    void wrote(Node node) {
        dirtyIf(nodeIf(name(node), nodes.wrote(name(node), node, shared.node(Views.node(node)))));
    }

    void wrote(NodeABI nodeAbi) {
        dirtyIf(nodeIf(name(nodeAbi), reports.wrote(name(nodeAbi), nodeAbi, shared.report(Views.report(nodeAbi)))));
    }

    void wrote(GuestAbi guestAbi) {
        dirtyIf(guestAbis.put(guestAbi.digest(), guestAbi) == null);
    }

    void wroteVmi(GenericKubernetesResource vmi) {
        String key = key(vmi);
        dirtyIf(vmIf(key, vms.wrote(key, vmi, vm(vmi))));
    }

    private boolean vmChanged(String key, GenericKubernetesResource vmi) {
        return vmIf(key, vms.told(key, vmi, vm(vmi)));
    }

    private Optional<FleetState.Vm> vm(GenericKubernetesResource vmi) {
        return shared.vm(Views.vm(vmi).map(this::inItsNamespace));
    }

    private FleetState.Vm inItsNamespace(FleetState.Vm vm) {
        return vm.in(namespaces.getOrDefault(vm.namespace(), Map.of()));
    }

    private boolean nodeIf(String name, boolean changed) {
        if (changed) {
            changedNodes.add(name);
        }
        return changed;
    }

    private boolean vmIf(String key, boolean changed) {
        if (changed) {
            changedVms.add(key);
        }
        return changed;
    }

    private void dirtyIf(boolean changed) {
        if (changed) {
            markDirty();
        }
    }

    void start(@Observes StartupEvent event) {
        watch(
                own("VirtualMachineABI", "virtualmachineabis"),
                this::policyChanged,
                (name, _) -> policies.remove(name) != null);
        watch(
                client.nodes().withLimit(PAGE).runnableInformer(0).itemStore(new NamesOnly<>(Node::new)),
                this::nodeChanged,
                (name, _) -> nodeIf(name, nodes.remove(name)));
        watch(
                client.namespaces().withLimit(PAGE).runnableInformer(0).itemStore(new NamesOnly<>(Namespace::new)),
                this::namespaceChanged,
                (name, _) -> ofNamespaceIf(name, namespaces.remove(name) != null));
        watch(own("NodeABI", "nodeabis"), this::reportChanged, (name, _) -> nodeIf(name, reports.remove(name)));
        watch(own("ABIProfile", "abiprofiles"), this::profileChanged, (name, _) -> remove(profiles, name));
        watch(own("GuestABI", "guestabis"), this::guestAbiChanged, (name, _) -> remove(guestAbis, name));
        vmis = new Served(
                        client,
                        KubeVirt.INSTANCES,
                        this::vmChanged,
                        (key, _) -> vmIf(key, vms.remove(key)),
                        () -> changedVms.addAll(vms.clear()),
                        this::markDirty)
                .start();
        gathering = gatherer.scheduleWithFixedDelay(this::gather, GATHER_MILLIS, GATHER_MILLIS, TimeUnit.MILLISECONDS);
        markDirty();
    }

    void stop(@Observes ShutdownEvent event) {
        gathering.cancel(false);
        gatherer.shutdown();
        watches.forEach(Watched::close);
        vmis.close();
    }

    private void markDirty() {
        dirty.set(true);
    }

    private void gather() {
        try {
            if (wallClock.wasSetBack()) {
                lookAtAll = true;
                markDirty();
            }
            if (complete() && dirty.compareAndSet(true, false)) {
                makeAnew();
            }
        } catch (RuntimeException e) {
            behind = true;
            LOG.error("the fleet could not be made anew; the last one stays", e);
        }
    }

    private void makeAnew() {
        Fleet before = fleet.orElse(null);
        state = next();
        Fleet now = before == null ? new Fleet(state, verdicts) : before.next(state);
        fleet = Optional.of(now);
        behind = false;
        Fleet from = lookAtAll ? null : before;
        lookAtAll = false;
        listeners.forEach(l -> tell(l, from, now));
    }

    /** One that fails must not keep the others from being told. */
    private void tell(Listener listener, Fleet before, Fleet now) {
        try {
            listener.changed(before, now);
        } catch (RuntimeException e) {
            behind = true;
            lookAtAll = true;
            LOG.error("a change of the fleet was not taken in; all is looked at with the next", e);
        }
    }

    private boolean complete() {
        return watches.stream().allMatch(Watched::complete) && vmis.complete();
    }

    /** The state as it is now; it shares what did not change with the last one. */
    private FleetState next() {
        PersistentMap<String, FleetState.Node> nextNodes = state.nodesByName();
        for (String name : taken(changedNodes)) {
            Optional<FleetState.Node> node = nodes.get(name).map(n -> n.with(reports.get(name)));
            nextNodes = node.isPresent() ? nextNodes.with(name, node.get()) : nextNodes.without(name);
        }
        PersistentMap<String, FleetState.Vm> nextVms = state.vmsByKey();
        for (String key : taken(changedVms)) {
            Optional<FleetState.Vm> vm = vms.get(key).flatMap(v -> v).map(this::inItsNamespace);
            nextVms = vm.isPresent() ? nextVms.with(key, vm.get()) : nextVms.without(key);
        }
        return new FleetState(
                List.copyOf(policies.values()),
                nextNodes,
                sameOr(state.profiles(), profiles),
                sameOr(state.guestAbis(), guestAbis),
                nextVms,
                sameOr(state.namespaces(), namespaces));
    }

    /** What is in the set, which it leaves; what changes again meanwhile comes into it anew. */
    private static Set<String> taken(Set<String> changed) {
        Set<String> taken = new HashSet<>(changed);
        changed.removeAll(taken);
        return taken;
    }

    private static <K, V> Map<K, V> sameOr(Map<K, V> last, Map<K, V> now) {
        return last.equals(now) ? last : Map.copyOf(now);
    }

    private boolean policyChanged(String name, GenericKubernetesResource policy) {
        FleetState.Policy view = Views.policy(policy);
        return !view.equals(policies.put(name, view));
    }

    private boolean nodeChanged(String name, Node node) {
        return nodeIf(name, nodes.told(name, node, shared.node(Views.node(node))));
    }

    private boolean namespaceChanged(String name, Namespace namespace) {
        Map<String, String> labels = Map.copyOf(Views.labels(namespace));
        return ofNamespaceIf(name, !labels.equals(namespaces.put(name, labels)));
    }

    private boolean ofNamespaceIf(String namespace, boolean changed) {
        if (changed) {
            vms.keys().stream().filter(k -> k.startsWith(namespace + "/")).forEach(changedVms::add);
        }
        return changed;
    }

    private boolean reportChanged(String name, GenericKubernetesResource nodeAbi) {
        return nodeIf(
                name,
                Views.report(nodeAbi)
                        .map(report -> reports.told(name, nodeAbi, shared.report(report)))
                        .orElseGet(() -> reports.remove(name)));
    }

    private boolean profileChanged(String name, GenericKubernetesResource object) {
        return Views.profile(object)
                .filter(p -> profiles.put(p.digest(), p) == null)
                .isPresent();
    }

    private boolean guestAbiChanged(String name, GenericKubernetesResource object) {
        return Views.guestAbi(object)
                .filter(g -> guestAbis.put(g.digest(), g) == null)
                .isPresent();
    }

    private static <T> boolean remove(Map<Digest, T> map, String name) {
        return map.keySet().removeIf(d -> d.hex().equals(name));
    }

    private SharedIndexInformer<GenericKubernetesResource> own(String kind, String plural) {
        return client.genericKubernetesResources(new ResourceDefinitionContext.Builder()
                        .withGroup(Names.GROUP)
                        .withVersion(Names.VERSION)
                        .withKind(kind)
                        .withPlural(plural)
                        .withNamespaced(false)
                        .build())
                .withLimit(PAGE)
                .runnableInformer(0)
                .itemStore(new NamesOnly<>(GenericKubernetesResource::new));
    }

    private <T extends HasMetadata> void watch(
            SharedIndexInformer<T> informer, BiPredicate<String, T> changed, BiPredicate<String, T> gone) {
        watches.add(Watched.start(informer, changed, gone, this::markDirty));
    }

    private static String name(HasMetadata object) {
        return object.getMetadata().getName();
    }

    private static String key(HasMetadata object) {
        return object.getMetadata().getNamespace() + "/" + name(object);
    }
}
