package dev.vmabi.api;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Categories;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;

/**
 * What one kind of host can do: its default guest ABI and what its kernel takes. Immutable, cluster-scoped; the name
 * is the digest of the content, so thousands of like hosts share one object.
 */
@Group(Names.GROUP)
@Version(Names.VERSION)
@Kind("ABIProfile")
@Singular("abiprofile")
@Plural("abiprofiles")
@ShortNames("abip")
@Categories("vmabi-all")
@AdditionalPrinterColumn(
        name = "Valid",
        jsonPath = ".status.conditions[?(@.type==\"Valid\")].status",
        type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Age",
        jsonPath = ".metadata.creationTimestamp",
        type = AdditionalPrinterColumn.Type.DATE)
public final class ABIProfile extends CustomResource<ABIProfileSpec, ContentStatus> {
    private static final long serialVersionUID = 1L;
}
