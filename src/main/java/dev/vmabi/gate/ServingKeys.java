package dev.vmabi.gate;

import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;

/** The certificate that the gate shows, which may change at any time; a handshake sees the one before or the one after. */
final class ServingKeys extends X509ExtendedKeyManager {
    private static final String ALIAS = "gate";

    private record Pair(List<X509Certificate> chain, PrivateKey key) {}

    private volatile Pair pair;

    /**
     * From the next handshake on.
     *
     * @throws GeneralSecurityException if the key is not that of the first certificate
     */
    void use(List<X509Certificate> chain, PrivateKey key) throws GeneralSecurityException {
        requirePair(chain.getFirst(), key);
        pair = new Pair(List.copyOf(chain), key);
    }

    /**
     * Tries whether the certificate verifies what the key signs: of two files or fields that are written one after the
     * other, one may be of yesterday.
     *
     * @throws GeneralSecurityException if it does not
     */
    static void requirePair(X509Certificate certificate, PrivateKey key) throws GeneralSecurityException {
        String algorithm = switch (key.getAlgorithm()) {
            case "EC" -> "SHA256withECDSA";
            case "RSA" -> "SHA256withRSA";
            case String other -> other;
        };
        byte[] text = {1, 2, 3};
        Signature signature = Signature.getInstance(algorithm);
        signature.initSign(key);
        signature.update(text);
        byte[] signed = signature.sign();
        signature.initVerify(certificate.getPublicKey());
        signature.update(text);
        if (!signature.verify(signed)) {
            throw new GeneralSecurityException("the private key is not that of the certificate "
                    + certificate.getSubjectX500Principal().getName());
        }
    }

    /** Whether there is a certificate to show. */
    boolean present() {
        return pair != null;
    }

    /** Until when the certificate holds; empty while there is none. */
    Optional<Instant> expiry() {
        return Optional.ofNullable(pair)
                .map(p -> p.chain().getFirst().getNotAfter().toInstant());
    }

    @Override
    public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
        return alias(keyType);
    }

    @Override
    public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
        return alias(keyType);
    }

    private String alias(String keyType) {
        Pair now = pair;
        return now != null && now.key().getAlgorithm().equals(keyType) ? ALIAS : null;
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
        String alias = alias(keyType);
        return alias == null ? null : new String[] {alias};
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
        Pair now = pair;
        return now == null ? null : now.chain().toArray(X509Certificate[]::new);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
        Pair now = pair;
        return now == null ? null : now.key();
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
        return null;
    }

    @Override
    public String chooseClientAlias(String[] keyType, Principal[] issuers, Socket socket) {
        return null;
    }
}
