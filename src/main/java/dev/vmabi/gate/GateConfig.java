package dev.vmabi.gate;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** How the gate is reached and what certificate it shows. */
@ConfigMapping(prefix = "vmabi.gate")
public interface GateConfig {

    /** Port of the webhooks; 0 for any free one. */
    @WithDefault("8443")
    int port();

    /** Name of the Service in front of the webhooks. */
    @WithDefault("vmabi-gate")
    String service();

    /** Further host names and addresses by which the API server may call. */
    Optional<List<String>> hosts();

    /** Name of the MutatingWebhookConfiguration that is to trust a self-managed certificate. */
    @WithDefault("vmabi-gate")
    String webhookConfiguration();

    /** Name of the Secret, in the operator's namespace, that holds a self-managed certificate. */
    @WithDefault("vmabi-gate-tls")
    String secret();

    /** Certificate chain as PEM, kept by others (cert-manager, say); with it nothing is self-managed. */
    Optional<Path> certificate();

    /** Private key of {@link #certificate} as PEM. */
    Optional<Path> key();
}
