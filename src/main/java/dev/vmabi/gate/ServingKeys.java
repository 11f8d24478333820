package dev.vmabi.gate;

import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
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
     * @throws GeneralSecurityException if the key is not that of the first certificate's kind
     */
    void use(List<X509Certificate> chain, PrivateKey key) throws GeneralSecurityException {
        if (!chain.getFirst().getPublicKey().getAlgorithm().equals(key.getAlgorithm())) {
            throw new GeneralSecurityException("the private key is none for this certificate");
        }
        pair = new Pair(List.copyOf(chain), key);
    }

    /** Whether there is a certificate to show. */
    boolean present() {
        return pair != null;
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
