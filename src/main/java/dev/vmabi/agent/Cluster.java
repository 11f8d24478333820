package dev.vmabi.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Where the API server is and how to speak to it.
 *
 * @param server base address
 * @param tls trust and, where there is one, the client's certificate; the platform's own for an {@code http} server
 * @param token the bearer token, if one is used
 */
public record Cluster(URI server, SSLContext tls, Optional<Token> token) {

    /** A bearer token, read anew for each request: Kubernetes rotates those of pods. */
    public interface Token {
        String read() throws IOException;

        private static Token inFile(Path file) {
            return () -> Files.readString(file).strip();
        }
    }

    private static final Path SERVICE_ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

    /** A server on plain HTTP, for tests and demos on one machine. */
    public static Cluster plain(URI server) {
        try {
            return new Cluster(server, SSLContext.getDefault(), Optional.empty());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JVM has no TLS", e);
        }
    }

    /**
     * As a pod sees its cluster: KUBERNETES_SERVICE_HOST and the mounted service account.
     *
     * @throws IllegalArgumentException if this is no pod, or its service account cannot be read
     */
    static Cluster inPod(Map<String, String> environment) {
        String host = environment.get("KUBERNETES_SERVICE_HOST");
        if (host == null) {
            throw new IllegalArgumentException(
                    "KUBERNETES_SERVICE_HOST is not set: outside a cluster, name a file with --kubeconfig");
        }
        String port = environment.getOrDefault("KUBERNETES_SERVICE_PORT", "443");
        String address = host.contains(":") ? "[" + host + "]" : host;
        try {
            byte[] ca = Files.readAllBytes(SERVICE_ACCOUNT.resolve("ca.crt"));
            return new Cluster(
                    URI.create("https://" + address + ":" + port),
                    tls(ca, new KeyManager[0]),
                    Optional.of(Token.inFile(SERVICE_ACCOUNT.resolve("token"))));
        } catch (IOException | GeneralSecurityException e) {
            throw new IllegalArgumentException("service account in " + SERVICE_ACCOUNT + ": " + e.getMessage(), e);
        }
    }

    /**
     * The current context of a kubeconfig: a server, its certificate authority, and a token or a client certificate.
     *
     * @throws IllegalArgumentException naming the file and what is wrong in it
     */
    public static Cluster kubeconfig(Path file) {
        try {
            ObjectMapper yaml = new YAMLMapper();
            JsonNode config = yaml.readTree(Files.readAllBytes(file));
            JsonNode context = named(
                    config,
                    "contexts",
                    "context",
                    config.path("current-context").asText());
            JsonNode cluster =
                    named(config, "clusters", "cluster", context.path("cluster").asText());
            JsonNode user = context.has("user")
                    ? named(config, "users", "user", context.path("user").asText())
                    : yaml.createObjectNode();
            URI server = URI.create(cluster.path("server").asText());
            if (server.getHost() == null) {
                throw new IllegalArgumentException("cluster.server \"" + server + "\" is not an address");
            }
            if (user.has("exec") || user.has("auth-provider")) {
                throw new IllegalArgumentException("only tokens and client certificates are supported, no plugins");
            }
            if (!server.getScheme().equals("https")) {
                return plain(server);
            }
            Optional<byte[]> certificate = data(file, user, "client-certificate");
            Optional<byte[]> key = data(file, user, "client-key");
            KeyManager[] managers = certificate.isPresent() && key.isPresent()
                    ? client(certificate.get(), key.get())
                    : new KeyManager[0];
            byte[] ca = data(file, cluster, "certificate-authority")
                    .orElseThrow(() -> new IllegalArgumentException("cluster has no certificate-authority"));
            return new Cluster(server, tls(ca, managers), token(file, user));
        } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
            throw new IllegalArgumentException("kubeconfig " + file + ": " + e.getMessage(), e);
        }
    }

    private static JsonNode named(JsonNode config, String list, String what, String name) {
        for (JsonNode entry : config.path(list)) {
            if (entry.path("name").asText().equals(name)) {
                return entry.path(what);
            }
        }
        throw new IllegalArgumentException(list + " has no \"" + name + "\"");
    }

    private static Optional<byte[]> data(Path config, JsonNode node, String name) throws IOException {
        if (node.has(name + "-data")) {
            return Optional.of(
                    Base64.getDecoder().decode(node.get(name + "-data").asText()));
        }
        if (node.has(name)) {
            return Optional.of(
                    Files.readAllBytes(config.resolveSibling(node.get(name).asText())));
        }
        return Optional.empty();
    }

    private static Optional<Token> token(Path config, JsonNode user) {
        if (user.has("tokenFile")) {
            return Optional.of(
                    Token.inFile(config.resolveSibling(user.get("tokenFile").asText())));
        }
        String token = user.path("token").asText();
        return token.isEmpty() ? Optional.empty() : Optional.of(() -> token);
    }

    private static SSLContext tls(byte[] ca, KeyManager[] client) throws GeneralSecurityException, IOException {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        int number = 0;
        for (Certificate certificate :
                CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(ca))) {
            trusted.setCertificateEntry("ca-" + number++, certificate);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext tls = SSLContext.getInstance("TLS");
        TrustManager[] managers = trust.getTrustManagers();
        tls.init(client, managers, null);
        return tls;
    }

    private static KeyManager[] client(byte[] certificates, byte[] key) throws GeneralSecurityException, IOException {
        Certificate[] chain = CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(certificates))
                .toArray(Certificate[]::new);
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setKeyEntry("client", privateKey(key), new char[0], chain);
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, new char[0]);
        return factory.getKeyManagers();
    }

    private static PrivateKey privateKey(byte[] pem) throws GeneralSecurityException {
        String text = new String(pem, StandardCharsets.US_ASCII);
        if (!text.contains("BEGIN PRIVATE KEY")) {
            throw new IllegalArgumentException("client-key must be PKCS #8 (BEGIN PRIVATE KEY)");
        }
        byte[] der = Base64.getMimeDecoder().decode(text.replaceAll("-----[A-Z ]+-----", ""));
        PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(der);
        GeneralSecurityException last = null;
        for (String algorithm : List.of("EC", "RSA", "Ed25519")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(spec);
            } catch (GeneralSecurityException e) {
                last = e;
            }
        }
        throw last;
    }
}
