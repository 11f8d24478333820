package dev.vmabi.gate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;

/** A certificate in files that somebody else keeps, read again whenever they change. */
final class MountedCertificate {
    private final Path certificate;
    private final Path key;
    private final ServingKeys keys;
    private String shown = "";

    MountedCertificate(Path certificate, Path key, ServingKeys keys) {
        this.certificate = certificate;
        this.key = key;
        this.keys = keys;
    }

    /**
     * Shows what the files hold.
     *
     * @throws GeneralSecurityException if they hold no certificate with its key; the one before stays
     */
    synchronized void ensure() throws GeneralSecurityException, IOException {
        String chain = Files.readString(certificate, StandardCharsets.US_ASCII);
        String secret = Files.readString(key, StandardCharsets.US_ASCII);
        if (!shown.equals(chain + secret)) {
            keys.use(Pem.certificates(chain), Pem.privateKey(secret));
            shown = chain + secret;
        }
    }
}
