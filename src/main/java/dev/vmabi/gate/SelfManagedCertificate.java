package dev.vmabi.gate;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhook;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfiguration;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jboss.logging.Logger;

/**
 * A certificate that the replicas share through a Secret. Whichever comes first writes it, and whichever finds it due
 * renews it; the others lose by a conflict and take what is there. What the API server is to trust is applied to the
 * webhook configuration before the certificate is shown.
 */
final class SelfManagedCertificate {
    private static final Logger LOG = Logger.getLogger(SelfManagedCertificate.class);
    private static final int CONFLICT = 409;
    private static final int MOST_TRIES = 5;
    private static final PatchContext APPLY = new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager("vmabi-gate")
            .withForce(true)
            .build();

    private final KubernetesClient client;
    private final String namespace;
    private final String secret;
    private final String configuration;
    private final Collection<String> hosts;
    private final ServingKeys keys;
    private final Clock clock;
    private IssuedCertificate shown;

    SelfManagedCertificate(
            KubernetesClient client,
            String namespace,
            String secret,
            String configuration,
            Collection<String> hosts,
            ServingKeys keys,
            Clock clock) {
        this.client = client;
        this.namespace = namespace;
        this.secret = secret;
        this.configuration = configuration;
        this.hosts = List.copyOf(hosts);
        this.keys = keys;
        this.clock = clock;
    }

    /**
     * Brings Secret, webhook configuration and the certificate shown to what they should be; writes nothing that is so
     * already.
     */
    synchronized void ensure() throws GeneralSecurityException {
        IssuedCertificate issued = issued();
        trust(issued);
        if (!issued.equals(shown)) {
            keys.use(List.of(issued.certificate()), issued.key());
            LOG.infof(
                    "shows a certificate for %s that ends %s",
                    String.join(", ", hosts), issued.certificate().getNotAfter().toInstant());
            shown = issued;
        }
    }

    private IssuedCertificate issued() throws GeneralSecurityException {
        for (int i = 0; i < MOST_TRIES; i++) {
            Secret present =
                    client.secrets().inNamespace(namespace).withName(secret).get();
            Optional<IssuedCertificate> stored = present == null ? Optional.ofNullable(shown) : read(present);
            IssuedCertificate due = stored.isPresent()
                    ? stored.get().renewed(hosts, clock.instant())
                    : IssuedCertificate.first(hosts, clock.instant());
            if (present != null && stored.isPresent() && due.equals(stored.get())) {
                return due;
            }
            try {
                write(present, due);
                return due;
            } catch (KubernetesClientException e) {
                if (e.getCode() != CONFLICT) {
                    throw e;
                }
            }
        }
        throw new GeneralSecurityException(
                "Secret " + namespace + "/" + secret + " changed " + MOST_TRIES + " times while it was written");
    }

    private Optional<IssuedCertificate> read(Secret present) {
        Map<String, String> data = new TreeMap<>();
        try {
            if (present.getData() != null) {
                present.getData()
                        .forEach((key, value) -> data.put(
                                key, new String(Base64.getDecoder().decode(value), StandardCharsets.US_ASCII)));
            }
            return Optional.of(IssuedCertificate.ofSecret(data));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            LOG.warnf(
                    "Secret %s/%s holds no certificate of the gate and is written anew: %s",
                    namespace, secret, e.getMessage());
            return Optional.empty();
        }
    }

    private void write(Secret present, IssuedCertificate issued) throws GeneralSecurityException {
        Map<String, String> data = new TreeMap<>();
        issued.toSecret()
                .forEach((key, value) ->
                        data.put(key, Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.US_ASCII))));
        if (present == null) {
            client.resource(new SecretBuilder()
                            .withNewMetadata()
                            .withNamespace(namespace)
                            .withName(secret)
                            .addToLabels("app.kubernetes.io/part-of", "vmabi")
                            .endMetadata()
                            .withType("kubernetes.io/tls")
                            .withData(data)
                            .build())
                    .create();
        } else {
            client.resource(new SecretBuilder(present).withData(data).build()).update();
        }
    }

    /** Without the webhook configuration there is nobody to trust it yet; this is called again when it comes. */
    private void trust(IssuedCertificate issued) throws GeneralSecurityException {
        MutatingWebhookConfiguration present = client.admissionRegistration()
                .v1()
                .mutatingWebhookConfigurations()
                .withName(configuration)
                .get();
        if (present == null || present.getWebhooks() == null) {
            return;
        }
        String bundle =
                Base64.getEncoder().encodeToString(Pem.of(issued.authorities()).getBytes(StandardCharsets.US_ASCII));
        if (present.getWebhooks().stream()
                .allMatch(w -> bundle.equals(w.getClientConfig().getCaBundle()))) {
            return;
        }
        List<Map<String, Object>> webhooks = present.getWebhooks().stream()
                .map(MutatingWebhook::getName)
                .map(name -> Map.<String, Object>of("name", name, "clientConfig", Map.of("caBundle", bundle)))
                .toList();
        GenericKubernetesResource patch = new GenericKubernetesResourceBuilder()
                .withApiVersion("admissionregistration.k8s.io/v1")
                .withKind("MutatingWebhookConfiguration")
                .withNewMetadata()
                .withName(configuration)
                .withUid(present.getMetadata().getUid())
                .endMetadata()
                .addToAdditionalProperties("webhooks", webhooks)
                .build();
        client.resource(patch).patch(APPLY);
        LOG.infof("MutatingWebhookConfiguration %s trusts the gate's authority", configuration);
    }
}
