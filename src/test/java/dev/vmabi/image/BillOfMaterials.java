package dev.vmabi.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;

/** What is in an image, in CycloneDX 1.6: the packages of Debian, and the jars as the build's own bill knows them. */
final class BillOfMaterials {

    /** Of everything that the build may put into a product; written by it. */
    static final Path BUILD = Path.of("target/bom.json");

    private static final ObjectMapper JSON = new ObjectMapper();

    private final JsonNode components;

    private BillOfMaterials(JsonNode components) {
        this.components = components;
    }

    /**
     * The bill of one image.
     *
     * @throws IllegalStateException if a jar is none that the build's bill has
     */
    static String of(Component component, List<DebianPackage> packages, List<Path> jars) throws IOException {
        ObjectNode bill = JSON.createObjectNode();
        bill.put("bomFormat", "CycloneDX").put("specVersion", "1.6").put("version", 1);
        ObjectNode metadata = bill.putObject("metadata");
        metadata.put("timestamp", Product.property("project.build.outputTimestamp"));
        metadata.putObject("component")
                .put("type", "container")
                .put("name", component.repository())
                .put("version", Product.chart("appVersion"))
                .putArray("licenses")
                .addObject()
                .putObject("license")
                .put("id", "Apache-2.0");
        ArrayNode components = bill.putArray("components");
        for (DebianPackage each : packages) {
            ObjectNode listed = components.addObject();
            listed.put("type", "library")
                    .put("bom-ref", each.purl())
                    .put("name", each.name())
                    .put("version", each.version());
            listed.putArray("hashes").addObject().put("alg", "SHA-256").put("content", each.sha256());
            listed.put("purl", each.purl());
        }
        BillOfMaterials build = ofTheBuild();
        for (Path jar : jars) {
            components.add(build.component(jar));
        }
        String serial = UUID.nameUUIDFromBytes(bill.toString().getBytes(StandardCharsets.UTF_8))
                .toString();
        bill.put("serialNumber", "urn:uuid:" + serial);
        return bill.toPrettyString() + "\n";
    }

    /** The bill that the build wrote. */
    static BillOfMaterials ofTheBuild() throws IOException {
        return new BillOfMaterials(JSON.readTree(BUILD.toFile()).path("components"));
    }

    /**
     * What a jar is that the build ships: by its SHA-256, or, where Quarkus took classes out of it, by the name that
     * Quarkus gives it; without hashes then.
     *
     * @throws IllegalStateException if the build's bill does not have it
     */
    JsonNode component(Path jar) throws IOException {
        String sum = DebianArchive.sha256(Files.readAllBytes(jar));
        String file = jar.getFileName().toString();
        for (JsonNode each : components) {
            if (each.path("hashes").findValuesAsText("content").contains(sum)) {
                return each;
            }
        }
        for (JsonNode each : components) {
            String name = each.path("group").asText() + "." + each.path("name").asText() + "-"
                    + each.path("version").asText() + ".jar";
            if (name.equals(file)) {
                return ((ObjectNode) each.deepCopy()).without("hashes");
            }
        }
        throw new IllegalStateException(jar + " is shipped, and is not in " + BUILD);
    }
}
