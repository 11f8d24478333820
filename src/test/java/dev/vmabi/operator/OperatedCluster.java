package dev.vmabi.operator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.api.ABIProfile;
import dev.vmabi.api.GuestABI;
import dev.vmabi.api.Names;
import dev.vmabi.api.NodeABI;
import dev.vmabi.api.NodeABIStatus;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABI;
import dev.vmabi.api.VirtualMachineABIStatus;
import dev.vmabi.demo.DemoCluster;
import dev.vmabi.demo.OperatorProcess;
import dev.vmabi.demo.ReplayFleet;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import dev.vmabi.devserver.User;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfiguration;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowingConsumer;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/** An API server with the project's definitions, replayed nodes, and as many shipped operators as a test starts. */
final class OperatedCluster implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    final ApiServer server = ApiServers.start();
    final KubernetesClient client = server.client();
    final ReplayFleet nodes = new ReplayFleet(server);
    private final List<OperatorProcess> operators = new ArrayList<>();

    OperatedCluster() {
        new DemoCluster(client).installOwn();
    }

    /** Starts an operator; it serves when this returns, but it may have to wait for the lease. */
    OperatorProcess operator(String identity) {
        return operator(identity, Map.of());
    }

    /** Starts one with settings of its own. */
    OperatorProcess operator(String identity, Map<String, String> settings) {
        return operator(identity, server.kubeconfig(User.serviceAccount("vmabi-system", "vmabi-operator")), settings);
    }

    /** Starts one that reaches the server in another way. */
    OperatorProcess operator(String identity, Path kubeconfig) {
        return operator(identity, kubeconfig, Map.of());
    }

    private OperatorProcess operator(String identity, Path kubeconfig, Map<String, String> settings) {
        OperatorProcess operator = new OperatorProcess(kubeconfig, server.directory(), identity, settings);
        operators.add(operator);
        operator.awaitReady(PATIENCE);
        return operator;
    }

    /** Who holds the lease. */
    String leader() {
        return lease().get().getSpec().getHolderIdentity();
    }

    /** Gives the lease to somebody, whoever holds it. */
    void give(String holder) {
        Lease _ = lease().edit(l -> new LeaseBuilder(l)
                .editSpec()
                .withHolderIdentity(holder)
                .withRenewTime(ZonedDateTime.now(ZoneOffset.UTC))
                .endSpec()
                .build());
    }

    /** Takes the lease from a holder that is gone. */
    void endLease() {
        lease().delete();
    }

    private Resource<Lease> lease() {
        return client.leases().inNamespace("vmabi-system").withName("vmabi-operator");
    }

    /** The gate's webhooks as they are installed. */
    Resource<MutatingWebhookConfiguration> gate() {
        return client.admissionRegistration()
                .v1()
                .mutatingWebhookConfigurations()
                .withName("vmabi-gate");
    }

    /** {@code kubectl apply --server-side}. */
    void apply(String yaml) {
        client.load(new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8)))
                .serverSideApply();
    }

    /** Applies the plainest policy there is for a pool, by the pool's name. */
    void applyPolicy(String pool) {
        apply("""
                apiVersion: vmabi.dev/v1alpha1
                kind: VirtualMachineABI
                metadata: {name: %1$s}
                spec: {nodeSelector: {matchLabels: {example.com/pool: %1$s}}}
                """.formatted(pool));
    }

    /** An object of KubeVirt's, to be created. */
    static GenericKubernetesResource kubeVirt(String kind, String name, Map<String, Object> parts) {
        return new GenericKubernetesResourceBuilder()
                .withApiVersion("kubevirt.io/v1")
                .withKind(kind)
                .withNewMetadata()
                .withNamespace("default")
                .withName(name)
                .endMetadata()
                .withAdditionalProperties(new HashMap<>(parts))
                .build();
    }

    VirtualMachineABIStatus status(String policy) {
        return Objects.requireNonNull(
                statusOf("VirtualMachineABI", policy, VirtualMachineABIStatus.class),
                () -> policy + " has no status yet");
    }

    /** {@code True Reason: message} of a policy's condition; empty while there is none. */
    String condition(String policy, String type) {
        return text(status(policy).conditions(), type);
    }

    String nodeCondition(String node, String type) {
        return text(statusOf("NodeABI", node, NodeABIStatus.class).conditions(), type);
    }

    /** Of objects that may have fields of a later version. */
    private <T> T statusOf(String kind, String name, Class<T> type) {
        Object status = client.genericKubernetesResources(Names.API_VERSION, kind)
                .withName(name)
                .get()
                .getAdditionalProperties()
                .get("status");
        return Stored.read(status, "status", type).value();
    }

    static String text(List<Condition> conditions, String type) {
        return conditions.stream()
                .filter(c -> c.getType().equals(type))
                .map(c -> c.getStatus() + " " + c.getReason() + ": " + c.getMessage())
                .findFirst()
                .orElse("");
    }

    /** The first 16 digits of the guest ABIs that a node is labelled with. */
    Set<String> labels(String node) {
        Set<String> labels = new TreeSet<>();
        client.nodes().withName(node).get().getMetadata().getLabels().keySet().stream()
                .filter(l -> l.startsWith(Names.NODE_LABEL_PREFIX) && !l.equals(Names.PROFILE_LABEL))
                .forEach(l -> labels.add(l.substring(Names.NODE_LABEL_PREFIX.length())));
        return labels;
    }

    /** Waits until the assertion holds; fails with why it does not, and with the operators' last words. */
    void await(Runnable assertion) {
        try {
            Awaitility.await()
                    .atMost(PATIENCE)
                    .pollInterval(Duration.ofMillis(100))
                    .untilAsserted(() -> {
                        try {
                            assertion.run();
                        } catch (NullPointerException notThereYet) {
                            throw new AssertionError(notThereYet);
                        }
                    });
        } catch (ConditionTimeoutException e) {
            throw new AssertionError(
                    e.getMessage() + "\n"
                            + String.join(
                                    "\n",
                                    operators.stream()
                                            .map(OperatorProcess::tail)
                                            .toList()),
                    e);
        }
    }

    /** Waits until nothing has been written for a while. */
    void settle() {
        Awaitility.await("writes to end")
                .atMost(PATIENCE)
                .during(Duration.ofSeconds(2))
                .pollInterval(Duration.ofMillis(500))
                .until(new Supplier<Boolean>() {
                    private Map<String, String> before = Map.of();

                    @Override
                    public Boolean get() {
                        Map<String, String> now = versions();
                        boolean same = now.equals(before);
                        before = now;
                        return same;
                    }
                }::get);
    }

    /** The resource version of everything that the operator writes, by kind and name: equal if nothing was written. */
    Map<String, String> versions() {
        Map<String, String> versions = new TreeMap<>();
        Stream.of(
                        client.nodes().list().getItems(),
                        client.resources(NodeABI.class).list().getItems(),
                        client.resources(ABIProfile.class).list().getItems(),
                        client.resources(GuestABI.class).list().getItems(),
                        client.resources(VirtualMachineABI.class).list().getItems(),
                        client.events().v1().events().inAnyNamespace().list().getItems())
                .flatMap(List::stream)
                .map(HasMetadata.class::cast)
                .forEach(o -> versions.put(
                        o.getKind() + "/" + o.getMetadata().getName(),
                        o.getMetadata().getResourceVersion()));
        return versions;
    }

    /** What differs between two readings of {@link #versions}. */
    static Set<String> written(Map<String, String> before, Map<String, String> after) {
        Set<String> written = new TreeSet<>();
        Stream.concat(before.keySet().stream(), after.keySet().stream())
                .filter(k -> !Objects.equals(before.get(k), after.get(k)))
                .forEach(written::add);
        return written;
    }

    void expect(String policy, ThrowingConsumer<VirtualMachineABIStatus> of) {
        await(() -> assertThat(status(policy)).satisfies(of));
    }

    @Override
    public void close() {
        nodes.close();
        operators.forEach(OperatorProcess::close);
        client.close();
        server.close();
    }
}
