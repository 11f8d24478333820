package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A Kubernetes API server inside this JVM, for tests and the demo. Each behaviour it has is one that a contract test
 * shows on the real server too; what it lacks is said by {@link #describe()}.
 */
public final class DevServer implements ApiServer {
    static {
        // Without it every chunk of a watch waits for the client's delayed acknowledgement.
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private final CertificateAuthority authority = new CertificateAuthority("devserver");
    private final Map<User, String> tokens = new ConcurrentHashMap<>();
    private final Set<Access> accesses = ConcurrentHashMap.newKeySet();
    private final AtomicInteger watchEpoch = new AtomicInteger();
    private final Store store = new Store();
    private final Admission admission = new Admission(store);
    private final Path directory;
    private final HttpsServer https;
    private final ExecutorService requests = Executors.newVirtualThreadPerTaskExecutor();
    private final Collector collector;
    private volatile boolean paused;

    private DevServer() throws IOException {
        Resources resources = new Resources(store);
        Operations operations = new Operations(store, admission);
        Deletion deletion = new Deletion(store, admission);
        PodActions pods = new PodActions(store, admission, deletion);
        collector = new Collector(store, resources, operations, deletion);
        for (String namespace : List.of("default", "kube-system", "kube-public", "kube-node-lease")) {
            ObjectNode object = Json.object().put("apiVersion", "v1").put("kind", "Namespace");
            object.putObject("metadata").put("name", namespace);
            ObjectNode _ = operations.create(
                    new Call(
                            User.ADMIN,
                            resources.find("namespaces"),
                            "",
                            "",
                            "",
                            Map.of(),
                            "devserver",
                            new ArrayList<>()),
                    object);
        }
        directory = Files.createTempDirectory("devserver");
        https = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
        CertificateAuthority.Issued certificate =
                authority.issue("devserver", List.of(), List.of("127.0.0.1", "localhost", "kubernetes.default.svc"));
        https.setHttpsConfigurator(new HttpsConfigurator(certificate.serverContext()));
        https.setExecutor(requests);
        https.createContext("/", new Router(this, store, resources, operations, deletion, pods));
        https.start();
    }

    public static DevServer start() {
        try {
            return new DevServer();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen on loopback", e);
        }
    }

    @Override
    public URI url() {
        return URI.create("https://127.0.0.1:" + https.getAddress().getPort());
    }

    @Override
    public String caCertificate() {
        return authority.certificatePem();
    }

    @Override
    public String token(User user) {
        return tokens.computeIfAbsent(user, u -> UUID.randomUUID().toString());
    }

    @Override
    public Path directory() {
        return directory;
    }

    @Override
    public String describe() {
        return "embedded API server at " + url()
                + "; it does not show: RBAC, quota, scheduling, kubelets, controllers beyond garbage collection,"
                + " admission policies, cost limits and types of CEL rules, unknown fields and most validation of"
                + " built-in kinds, protobuf (kubectl create <kind>)";
    }

    @Override
    public Set<Access> accesses() {
        return Set.copyOf(accesses);
    }

    /** From now on every request gets 503, and running watches end, until {@link #resume()}. */
    public void pause() {
        paused = true;
        closeWatches();
    }

    public void resume() {
        paused = false;
    }

    /** Ends all running watches, as a real server does now and then. */
    public void closeWatches() {
        watchEpoch.incrementAndGet();
        store.wakeWatches();
    }

    /** Forgets the past: who resumes a watch from before gets 410 Gone. */
    public void compact() {
        store.compact();
    }

    boolean paused() {
        return paused;
    }

    /** For a watch that begins now. One that got past the pause's check just before it ends as well. */
    BooleanSupplier watchesOpen() {
        int epoch = watchEpoch.get();
        return () -> !paused && watchEpoch.get() == epoch;
    }

    void record(Call call, String verb) {
        String resource = call.type().plural() + (call.subresource().isEmpty() ? "" : "/" + call.subresource());
        accesses.add(new Access(call.user().name(), verb, call.type().group(), resource));
    }

    User authenticate(String token) {
        return tokens.entrySet().stream()
                .filter(entry -> entry.getValue().equals(token))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow(() -> new ApiException(401, "Unauthorized", "Unauthorized"));
    }

    /** {@code serviceaccounts/token}: bound to a pod, the token names the node as well. */
    ObjectNode tokenRequest(Call call, ObjectNode request) {
        User user = User.serviceAccount(call.namespace(), call.name());
        if (Json.text(request, "spec", "boundObjectRef", "kind").equals("Pod")) {
            String pod = Json.text(request, "spec", "boundObjectRef", "name");
            ObjectNode found = store.get(new Store.Key("pods", call.namespace(), pod));
            user = found == null ? user : user.onNode(Json.text(found, "spec", "nodeName"));
        }
        ObjectNode answer = request.deepCopy();
        answer.putObject("status").put("token", token(user)).put("expirationTimestamp", "2100-01-01T00:00:00Z");
        return answer;
    }

    static ObjectNode version() {
        return Json.object()
                .put("major", "1")
                .put("minor", "36")
                .put("gitVersion", "v1.36.0-devserver")
                .put("platform", "jvm/java");
    }

    @Override
    public void close() {
        closeWatches();
        https.stop(0);
        requests.shutdownNow();
        collector.close();
        admission.close();
        deleteRecursively(directory);
    }

    public static void deleteRecursively(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
