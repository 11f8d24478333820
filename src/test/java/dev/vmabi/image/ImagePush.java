package dev.vmabi.image;

import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.Credential;
import com.google.cloud.tools.jib.api.CredentialRetriever;
import com.google.cloud.tools.jib.api.ImageReference;
import com.google.cloud.tools.jib.api.InvalidImageReferenceException;
import com.google.cloud.tools.jib.api.RegistryException;
import com.google.cloud.tools.jib.api.RegistryImage;
import com.google.cloud.tools.jib.blob.BlobDescriptor;
import com.google.cloud.tools.jib.event.EventHandlers;
import com.google.cloud.tools.jib.frontend.CredentialRetrieverFactory;
import com.google.cloud.tools.jib.http.FailoverHttpClient;
import com.google.cloud.tools.jib.image.json.OciIndexTemplate;
import com.google.cloud.tools.jib.json.JsonTemplateMapper;
import com.google.cloud.tools.jib.registry.ManifestAndDigest;
import com.google.cloud.tools.jib.registry.RegistryClient;
import com.google.cloud.tools.jib.registry.credentials.CredentialRetrievalException;
import java.io.IOException;
import java.util.List;

/**
 * Takes the images of one component to a registry, each architecture by a tag of its own, and an index over them by the
 * version's. Credentials are those of {@code docker login}; a registry on this machine may be without TLS.
 */
final class ImagePush {

    private final ImageReference reference;
    private final CredentialRetriever credentials;
    private final boolean insecure;

    /** @param registry with the path before the component's name, if it has one: {@code registry.example.com/vmabi} */
    ImagePush(String registry, Component component) {
        try {
            reference = ImageReference.parse(
                    registry.replaceAll("/*$", "/") + component.repository() + ":" + Product.chart("appVersion"));
        } catch (InvalidImageReferenceException e) {
            throw new IllegalStateException("REGISTRY: " + e.getMessage(), e);
        }
        credentials =
                CredentialRetrieverFactory.forImage(reference, event -> {}).dockerConfig();
        insecure = registry.startsWith("localhost:") || registry.startsWith("127.0.0.1:");
    }

    /** Pushes images that are built. */
    void push(List<Image> images) throws IOException {
        FailoverHttpClient http = new FailoverHttpClient(insecure, insecure, event -> {});
        try {
            RegistryClient client = client(http);
            OciIndexTemplate index = new OciIndexTemplate();
            for (Image image : images) {
                ImageReference tagged = ImageReference.of(
                        reference.getRegistry(),
                        reference.getRepository(),
                        reference.getTag().orElseThrow() + "-" + image.architecture());
                image.to(Containerizer.to(RegistryImage.named(tagged).addCredentialRetriever(credentials))
                        .setAllowInsecureRegistries(insecure));
                ManifestAndDigest<?> pushed =
                        client.pullManifest(tagged.getTag().orElseThrow());
                long size = JsonTemplateMapper.toByteArray(pushed.getManifest()).length;
                index.addManifest(new BlobDescriptor(size, pushed.getDigest()), tagged.toString());
                index.getManifests().getLast().setPlatform(image.architecture(), "linux");
            }
            String digest =
                    client.pushManifest(index, reference.getTag().orElseThrow()).toString();
            System.out.println("images: pushed " + reference + "@" + digest);
        } catch (RegistryException | CredentialRetrievalException e) {
            throw new IOException(reference + ": " + e.getMessage(), e);
        } finally {
            http.shutDown();
        }
    }

    private RegistryClient client(FailoverHttpClient http)
            throws IOException, RegistryException, CredentialRetrievalException {
        RegistryClient.Factory factory =
                RegistryClient.factory(EventHandlers.NONE, reference.getRegistry(), reference.getRepository(), http);
        Credential credential = credentials.retrieve().orElse(null);
        if (credential != null) {
            factory.setCredential(credential);
        }
        RegistryClient client = factory.newRegistryClient();
        if (!client.doPushBearerAuth() && credential != null) {
            client.configureBasicAuth();
        }
        return client;
    }
}
