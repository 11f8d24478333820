package dev.vmabi.kvm;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.api.ABIProfileSpec;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * Profiles that the probe read in the lab, under {@code src/test/resources/profiles}: Debian's arm64 kernels on
 * emulated CPUs.
 */
public final class RecordedHosts {

    private static final ObjectMapper JSON = new ObjectMapper();

    private RecordedHosts() {}

    /** By kernel, oldest first. */
    public static List<String> names() {
        return List.of("5.10", "6.1", "6.12", "6.18", "7.3").stream()
                .flatMap(kernel ->
                        List.of("cortex-a57", "neoverse-n1", "max").stream().map(cpu -> "linux-" + kernel + "-" + cpu))
                .toList();
    }

    public static HostProfile profile(String name) {
        try (InputStream in = RecordedHosts.class.getResourceAsStream("/profiles/" + name + ".json")) {
            return JSON.readValue(in, ABIProfileSpec.class).toHostProfile();
        } catch (IOException e) {
            throw new UncheckedIOException(name, e);
        }
    }
}
