package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmabi.api.Stored;
import dev.vmabi.api.VirtualMachineABIStatus;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What somebody else or another version wrote into a policy's status. */
class ReadableStatusTest {
    private static final String DIGEST = "0123456789abcdef".repeat(4);
    private static final String WHOLE = """
            {"baseline": {"generation": 3, "digest": "DIGEST", "clamp": "psci=1.1", "pinnedAt": "2026-01-01T00:00:00Z"},
             "candidate": {"digest": "DIGEST", "clamp": "sve=off", "provedAt": "2026-01-01T00:00:00Z"},
             "previous": {"generation": 2, "digest": "DIGEST", "clamp": "pmu=off", "finalisedAt": "2026-01-01T00:00:00Z"},
             "lowering": {"digest": "DIGEST", "clamp": "pauth=off"},
             "fences": [{"fence": "vgic", "raised": true}]}
            """.replace("DIGEST", DIGEST);

    @Test
    void whatCanBeReadStaysTheSame() throws JsonProcessingException {
        VirtualMachineABIStatus status = status(tree());
        assertThat(ReadableStatus.of(status).status()).isSameAs(status);
        assertThat(ReadableStatus.of(null).status()).isNull();
        assertThat(ReadableStatus.of(status(new ObjectMapper().createObjectNode()))
                        .leftOut())
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "baseline, digest, rubbish",
        "baseline, digest,",
        "candidate, digest, rubbish",
        "candidate, digest,",
        "candidate, clamp, from-tomorrow",
        "candidate, provedAt, yesterday",
        "previous, digest, rubbish",
        "previous, digest,",
        "previous, finalisedAt, tomorrow",
        "lowering, digest, rubbish",
        "lowering, digest,",
        "lowering, clamp, from-tomorrow"
    })
    void aPartThatCannotBeReadIsLeftOutAndNoOther(String part, String field, String value)
            throws JsonProcessingException {
        ObjectNode written = tree();
        ((ObjectNode) written.get(part)).put(field, value);
        ObjectNode without = tree();
        without.remove(part);

        ReadableStatus read = ReadableStatus.of(status(written));
        assertThat(read.status()).isEqualTo(status(without));
        assertThat(read.leftOut())
                .hasSize(1)
                .first()
                .asString()
                .contains("status." + part, value == null ? "missing" : value);
    }

    @ParameterizedTest
    @CsvSource({"baseline", "previous"})
    void aDigestThatCanBeReadStaysWithoutItsClamp(String part) throws JsonProcessingException {
        ObjectNode written = tree();
        ((ObjectNode) written.get(part)).put("clamp", "from-tomorrow");
        ObjectNode without = tree();
        ((ObjectNode) without.get(part)).remove("clamp");

        ReadableStatus read = ReadableStatus.of(status(written));
        assertThat(read.status()).isEqualTo(status(without));
        assertThat(read.leftOut()).hasSize(1).first().asString().contains("status." + part + ".clamp", "from-tomorrow");
    }

    @Test
    void aFenceWithoutANameIsLeftOut() throws JsonProcessingException {
        ObjectNode written = tree();
        written.withArray("fences").addObject().put("raised", true);
        ReadableStatus read = ReadableStatus.of(status(written));
        assertThat(read.status()).isEqualTo(status(tree()));
        assertThat(read.leftOut()).isEqualTo(List.of("status.fences: fence is missing"));
    }

    private static ObjectNode tree() throws JsonProcessingException {
        return (ObjectNode) new ObjectMapper().readTree(WHOLE);
    }

    private static VirtualMachineABIStatus status(ObjectNode written) {
        return Stored.read(written, "status", VirtualMachineABIStatus.class).value();
    }
}
