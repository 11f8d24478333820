package dev.vmabi.scale;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.abi.Digest;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.Verdict;
import dev.vmabi.abi.Vmm;
import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.ABIProfileSpec;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.GuestABISpec;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.NodeABISpec;
import dev.vmabi.api.NodeABISpec.Cpu;
import dev.vmabi.api.NodeABISpec.Kvm;
import dev.vmabi.api.NodeABISpec.KvmState;
import dev.vmabi.api.NodeABISpec.Proof;
import dev.vmabi.cli.Host;
import io.fabric8.kubernetes.api.model.ContainerImageBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Thousands of nodes and VMs at once: Node, NodeABI and VirtualMachineInstance objects of the size that a cluster's have,
 * of recorded hosts or ones like them, with what their kernels say to the guest ABIs that exist by then. No agent, kubelet
 * or KubeVirt runs for them.
 */
public final class SimulatedFleet {
    private static final int AT_ONCE = 32;
    private static final int IMAGES = 50;
    private static final PatchContext MERGE = PatchContext.of(PatchType.JSON_MERGE);
    private static final PatchContext AGENT = new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager(Names.AGENT_MANAGER)
            .withForce(true)
            .build();

    private final KubernetesClient client;
    private final Map<HostProfile, List<Proof>> proofs = new HashMap<>();
    private final Map<String, String> uids = new ConcurrentHashMap<>();

    public SimulatedFleet(KubernetesClient client) {
        this.client = client;
    }

    /**
     * Adds nodes {@code prefix-00000} and so on, which share the hosts in turn.
     *
     * @param toCome guest ABIs that they are to have proved beside those that exist
     */
    public void add(String prefix, String pool, int number, List<Host> hosts, List<GuestAbi> toCome) {
        prove(hosts, toCome);
        parallel(number, i -> {
            Host host = hosts.get(i % hosts.size());
            String name = name(prefix, i);
            String boot = UUID.randomUUID().toString();
            createNode(name, pool, host, boot);
            report(name, host, boot);
        });
    }

    /** Takes note of a node that came about otherwise. */
    void known(String node, String uid) {
        uids.put(node, uid);
    }

    static String name(String prefix, int i) {
        return "%s-%05d".formatted(prefix, i);
    }

    /** Publishes the hosts' profiles and works out what their kernels say to every guest ABI that exists or is to come. */
    void prove(List<Host> hosts, List<GuestAbi> toCome) {
        Map<Digest, GuestAbi> guestAbis = new HashMap<>();
        client.resources(GuestABI.class).list().getItems().stream()
                .map(g -> g.getSpec().toGuestAbi())
                .forEach(g -> guestAbis.put(g.digest(), g));
        toCome.forEach(g -> guestAbis.put(g.digest(), g));
        hosts.stream().map(Host::profile).distinct().forEach(profile -> {
            publish(profile);
            proofs.put(profile, proofs(profile, guestAbis.values()));
        });
    }

    /** Does it so many times, {@value #AT_ONCE} at one time; the first that fails fails it all. */
    static void parallel(int number, IntConsumer work) {
        parallel(AT_ONCE, number, work);
    }

    static void parallel(int atOnce, int number, IntConsumer work) {
        try (ExecutorService workers = Executors.newFixedThreadPool(atOnce)) {
            List<? extends Future<?>> all = IntStream.range(0, number)
                    .mapToObj(i -> workers.submit(() -> work.accept(i)))
                    .toList();
            for (Future<?> one : all) {
                one.get();
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("an object could not be written: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Publishes a guest ABI, as the operator has done where VMs are stamped with it. */
    void publish(GuestAbi guestAbi) {
        GuestABI object = new GuestABI();
        object.setMetadata(
                new ObjectMetaBuilder().withName(guestAbi.digest().hex()).build());
        object.setSpec(GuestABISpec.fromGuestAbi(guestAbi));
        GuestABI _ = client.resource(object).create();
    }

    /** Adds VMs that run on the nodes of that name in turn, with the stamps that are given for their node's number. */
    public void addVms(
            String prefix, int number, String nodePrefix, int nodes, IntFunction<Optional<GuestAbi>> stamps) {
        parallel(number, i -> {
            GenericKubernetesResource vmi = vmi(name(prefix, i));
            stamps.apply(i % nodes).ifPresent(has -> {
                Map<String, String> mark = Map.of(Names.STAMP, has.digest().label());
                vmi.getMetadata().getLabels().putAll(mark);
                vmi.getMetadata().getAnnotations().putAll(mark);
            });
            Map<String, Object> status = vmi.get("status");
            status.put("nodeName", name(nodePrefix, i % nodes));
            GenericKubernetesResource _ = client.resource(vmi).create();
        });
    }

    /** A VM as KubeVirt shows one that runs. */
    static GenericKubernetesResource vmi(String name) {
        try (InputStream in = SimulatedFleet.class.getResourceAsStream("/scale/vmi.json")) {
            GenericKubernetesResource vmi =
                    new ObjectMapper().readValue(Objects.requireNonNull(in), GenericKubernetesResource.class);
            vmi.getMetadata().setName(name);
            return vmi;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void publish(HostProfile profile) {
        ABIProfile object = new ABIProfile();
        object.setMetadata(
                new ObjectMetaBuilder().withName(profile.digest().hex()).build());
        object.setSpec(ABIProfileSpec.fromHostProfile(profile));
        ABIProfile _ = client.resource(object).patch(AGENT);
    }

    private void createNode(String name, String pool, Host host, String boot) {
        Node node = client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .addToLabels("kubernetes.io/arch", "arm64")
                        .addToLabels("kubernetes.io/hostname", name)
                        .addToLabels("kubevirt.io/schedulable", "true")
                        .addToLabels("machine-type.node.kubevirt.io/virt-10.0", "true")
                        .addToLabels("example.com/pool", pool)
                        .endMetadata()
                        .build())
                .create();
        uids.put(name, node.getMetadata().getUid());
        boot(name, host, boot);
    }

    /** What the kubelet writes when the node has booted; a patch, because the operator may have written to it already. */
    void boot(String name, Host host, String boot) {
        NodeBuilder status = new NodeBuilder()
                .withNewStatus()
                .addNewCondition()
                .withType("Ready")
                .withStatus("True")
                .endCondition()
                .withNewNodeInfo()
                .withArchitecture("arm64")
                .withBootID(boot)
                .withKernelVersion(kernel(host))
                .withOperatingSystem("linux")
                .withContainerRuntimeVersion("containerd://2.1.4")
                .withKubeProxyVersion("")
                .withKubeletVersion("v1.36.2")
                .withMachineID(boot.replace("-", ""))
                .withOsImage("Debian GNU/Linux 13 (trixie)")
                .withSystemUUID(boot)
                .endNodeInfo()
                .withImages(IntStream.range(0, IMAGES)
                        .mapToObj(i -> new ContainerImageBuilder()
                                .withNames(
                                        "registry.example.com/team-%02d/service@sha256:%064x".formatted(i, i),
                                        "registry.example.com/team-%02d/service:v1.%d".formatted(i, i))
                                .withSizeBytes(50_000_000L + i)
                                .build())
                        .toList())
                .endStatus();
        Node _ = client.nodes()
                .withName(name)
                .subresource("status")
                .patch(
                        MERGE,
                        Serialization.asJson(Map.of("status", status.build().getStatus())));
    }

    /** What the node's agent writes once it has probed and proved. */
    void report(String name, Host host, String boot) {
        NodeABI nodeAbi = new NodeABI();
        nodeAbi.setMetadata(new ObjectMetaBuilder()
                .withName(name)
                .addNewOwnerReference()
                .withApiVersion("v1")
                .withKind("Node")
                .withName(name)
                .withUid(uids.get(name))
                .endOwnerReference()
                .build());
        nodeAbi.setSpec(new NodeABISpec(
                new Kvm(KvmState.Available, null),
                host.profile().digest().hex(),
                boot,
                kernel(host),
                List.of(new Cpu("0x" + Long.toHexString(midr(host.profile())), 1, null)),
                "simulated",
                proofs.get(host.profile())));
        NodeABI _ = client.resource(nodeAbi).patch(AGENT);
    }

    private static long midr(HostProfile profile) {
        return profile.defaultGuestAbi().registers().entrySet().stream()
                .filter(e -> e.getKey().name().equals("MIDR_EL1"))
                .mapToLong(Map.Entry::getValue)
                .findFirst()
                .orElse(0);
    }

    private static String kernel(Host host) {
        return host.kernelRelease().isEmpty() ? host.name().split("-", -1)[1] : host.kernelRelease();
    }

    private static List<Proof> proofs(HostProfile profile, Collection<GuestAbi> guestAbis) {
        return guestAbis.stream().map(g -> proof(profile, g)).toList();
    }

    private static Proof proof(HostProfile profile, GuestAbi guestAbi) {
        boolean accepts = !(profile.accepts(guestAbi, Vmm.GENERIC) instanceof Verdict.Refused);
        return new Proof(guestAbi.digest().hex(), accepts, 0, List.of());
    }
}
