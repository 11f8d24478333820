package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * kube-apiserver with etcd, each on a free port of loopback, and of kube-controller-manager, where it is there, the
 * collectors of garbage and of namespaces. Data, keys and logs are in a temporary directory. More flags for kube-apiserver
 * are taken from the environment, {@value #FLAGS}, with blanks between them.
 */
public final class RealServer implements ApiServer {
    private static final String FLAGS = "KUBE_APISERVER_FLAGS";
    private static final Duration START = Duration.ofSeconds(90);
    private static final String ETCD = "etcd";
    private static final String APISERVER = "kube-apiserver";

    private final Path assets;
    private final Path directory;
    private final CertificateAuthority authority = new CertificateAuthority("kubernetes");
    private final Map<String, User> users = new ConcurrentHashMap<>();
    private final Map<User, String> tokens = new ConcurrentHashMap<>();
    private final HttpsServer authenticator;
    private final Map<String, List<String>> commands = new LinkedHashMap<>();
    private final Map<String, Process> processes = new LinkedHashMap<>();
    private final URI url;
    private final Etcd etcd;
    private final boolean collects;
    private final boolean rbac;
    private final AuditLog audit;

    private RealServer(Path assets, boolean rbac) throws IOException {
        this.assets = assets;
        this.rbac = rbac;
        directory = Files.createTempDirectory("kube-apiserver");
        audit = new AuditLog(directory.resolve("audit.log"));
        CertificateAuthority.Issued certificate = authority.issue(
                "kube-apiserver", List.of(), List.of("127.0.0.1", "localhost", "kubernetes.default.svc"));
        write("ca.crt", authority.certificatePem());
        write("server.crt", certificate.certificatePem());
        write("server.key", certificate.keyPem());
        authenticator = startAuthenticator(certificate);
        int etcdPort = FreePort.next();
        URI etcdUrl = URI.create("http://127.0.0.1:" + etcdPort);
        etcd = new Etcd(etcdUrl);
        int peer = FreePort.next();
        int port = FreePort.next();
        url = URI.create("https://127.0.0.1:" + port);
        run(
                ETCD,
                "--data-dir=" + directory.resolve("data"),
                "--listen-client-urls=" + etcdUrl,
                "--advertise-client-urls=" + etcdUrl,
                "--listen-peer-urls=http://127.0.0.1:" + peer,
                "--quota-backend-bytes=8589934592",
                "--unsafe-no-fsync");
        List<String> arguments = new ArrayList<>(List.of(
                "--etcd-servers=" + etcdUrl,
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--secure-port=" + port,
                "--tls-cert-file=" + directory.resolve("server.crt"),
                "--tls-private-key-file=" + directory.resolve("server.key"),
                "--authentication-token-webhook-config-file="
                        + write("authenticator.kubeconfig", authenticatorConfig(authenticator)),
                "--authentication-token-webhook-version=v1",
                "--authorization-mode=" + (rbac ? "RBAC" : "AlwaysAllow"),
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=" + directory.resolve("server.crt"),
                "--service-account-signing-key-file=" + directory.resolve("server.key"),
                "--service-cluster-ip-range=10.0.0.0/24",
                "--endpoint-reconciler-type=none",
                // As installers have it: a kubelet writes its own node, and no labels that are restricted.
                "--enable-admission-plugins=NodeRestriction",
                // No controller makes service accounts or takes the taint of new nodes away again.
                "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition"));
        if (rbac) {
            arguments.add("--audit-log-path=" + audit.file());
            arguments.add("--audit-policy-file=" + write("audit.json", AuditLog.POLICY));
        }
        Stream.of(Objects.requireNonNullElse(System.getenv(FLAGS), "").split(" ", -1))
                .filter(f -> !f.isEmpty())
                .forEach(arguments::add);
        run(APISERVER, arguments.toArray(String[]::new));
        awaitReady();
        collects = Files.isExecutable(assets.resolve("kube-controller-manager"));
        if (collects) {
            run(
                    "kube-controller-manager",
                    "--kubeconfig=" + kubeconfig(),
                    "--controllers=garbage-collector-controller,namespace-controller",
                    "--leader-elect=false",
                    "--bind-address=127.0.0.1",
                    "--secure-port=" + FreePort.next());
        }
    }

    /** @param assets the directory of kube-apiserver and etcd */
    static RealServer start(Path assets, boolean rbac) {
        try {
            return new RealServer(assets, rbac);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start kube-apiserver from " + assets, e);
        }
    }

    @Override
    public URI url() {
        return url;
    }

    @Override
    public String caCertificate() {
        return authority.certificatePem();
    }

    @Override
    public String token(User user) {
        return tokens.computeIfAbsent(user, u -> {
            String token = UUID.randomUUID().toString();
            users.put(token, u);
            return token;
        });
    }

    @Override
    public Path directory() {
        return directory;
    }

    @Override
    public Set<Access> accesses() {
        if (!rbac) {
            throw new IllegalStateException("started without RBAC, this server notes nothing");
        }
        return audit.accesses();
    }

    @Override
    public boolean authorizes() {
        return rbac;
    }

    @Override
    public String describe() {
        return "real kube-apiserver with etcd at " + url + " from " + assets
                + (collects ? "" : "; no kube-controller-manager there: nothing collects garbage or ends namespaces")
                + "; it does not show: " + (rbac ? "" : "RBAC (all is allowed), ") + "scheduling, kubelets";
    }

    /** Kills kube-apiserver, and after that time starts it again on the same data and port. Returns once it is ready. */
    public void restart(Duration down) throws IOException, InterruptedException {
        processes.get(APISERVER).destroyForcibly().waitFor();
        Thread.sleep(down);
        start(APISERVER);
        awaitReady();
    }

    /** Freezes etcd, as a disk does that does not answer, until {@link #thawEtcd}. */
    public void freezeEtcd() {
        Signal.STOP.send(processes.get(ETCD));
    }

    public void thawEtcd() {
        Signal.CONT.send(processes.get(ETCD));
    }

    public Etcd etcd() {
        return etcd;
    }

    @Override
    public void close() {
        for (Process process : List.copyOf(processes.values()).reversed()) {
            process.destroy();
        }
        for (Process process : processes.values()) {
            try {
                if (!process.waitFor(Duration.ofSeconds(10))) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
        authenticator.stop(0);
        etcd.close();
        DevServer.deleteRecursively(directory);
    }

    private void run(String program, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(assets.resolve(program).toString()));
        command.addAll(List.of(arguments));
        commands.put(program, command);
        start(program);
    }

    private void start(String program) throws IOException {
        Process process = new ProcessBuilder(commands.get(program))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve(program + ".log").toFile()))
                .start();
        processes.put(program, process);
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    }

    private void awaitReady() throws IOException {
        Instant end = Instant.now().plus(START);
        String last = "no answer";
        try (HttpClient client = HttpClient.newBuilder()
                .sslContext(CertificateAuthority.clientContext(authority.certificate()))
                .build()) {
            HttpRequest request = HttpRequest.newBuilder(url.resolve("/readyz"))
                    .header("Authorization", "Bearer " + token(User.ADMIN))
                    .build();
            while (Instant.now().isBefore(end) && processes.values().stream().allMatch(Process::isAlive)) {
                try {
                    HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                    if (answer.statusCode() == 200) {
                        return;
                    }
                    last = answer.body();
                } catch (IOException e) {
                    last = e.toString();
                }
                Thread.sleep(100);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        processes.values().forEach(Process::destroyForcibly);
        authenticator.stop(0);
        throw new IOException("kube-apiserver is not ready: " + last + "; its logs are in " + directory);
    }

    /** A token authenticator, so that users with any group and extra can come and go while the server runs. */
    private HttpsServer startAuthenticator(CertificateAuthority.Issued certificate) throws IOException {
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(certificate.serverContext()));
        server.createContext("/", this::authenticate);
        server.start();
        return server;
    }

    private void authenticate(HttpExchange exchange) throws IOException {
        JsonNode review = Json.parse(exchange.getRequestBody().readAllBytes(), "application/json");
        User user = users.get(Json.text(review, "spec", "token"));
        ObjectNode answer = Json.object().put("kind", "TokenReview").put("apiVersion", Json.text(review, "apiVersion"));
        ObjectNode status = answer.putObject("status").put("authenticated", user != null);
        if (user != null) {
            ObjectNode info = status.putObject("user").put("username", user.name());
            info.set("groups", Json.MAPPER.valueToTree(user.groups()));
            info.set("extra", Json.MAPPER.valueToTree(user.extra()));
        }
        byte[] body = Json.bytes(answer);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private String authenticatorConfig(HttpsServer server) {
        return """
                {"apiVersion": "v1", "kind": "Config", "current-context": "it",
                 "clusters": [{"name": "it", "cluster": {
                   "server": "https://127.0.0.1:%d", "certificate-authority": "%s"}}],
                 "users": [{"name": "it", "user": {}}],
                 "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}
                """.formatted(server.getAddress().getPort(), directory.resolve("ca.crt"));
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }
}
