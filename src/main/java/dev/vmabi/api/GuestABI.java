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
 * What one guest sees. Immutable, cluster-scoped, written by the operator alone; the name is the digest of the
 * content. There is one for each pin, candidate, birth ABI and landing that is in use.
 */
@Group(Names.GROUP)
@Version(Names.VERSION)
@Kind("GuestABI")
@Singular("guestabi")
@Plural("guestabis")
@ShortNames("gabi")
@Categories("vmabi-all")
@AdditionalPrinterColumn(
        name = "Valid",
        jsonPath = ".status.conditions[?(@.type==\"Valid\")].status",
        type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Age",
        jsonPath = ".metadata.creationTimestamp",
        type = AdditionalPrinterColumn.Type.DATE)
public final class GuestABI extends CustomResource<GuestABISpec, ContentStatus> {
    private static final long serialVersionUID = 1L;
}
